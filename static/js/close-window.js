// A window that a page opened for one errand closes when the errand is done; where it may not, its text says so.
"use strict";

window.close();
