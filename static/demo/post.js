// Hands the browser on: the only thing on this page is a form that belongs to the next one.
document.getElementById("launch").submit();
