// The private page of a certificate works without it; this adds copying.

import { offerCopies } from "./copy.js";

offerCopies();
