// Hands the browser on to the platform: the only thing on this page is a form that belongs to it.
document.getElementById("hand-over").submit();
