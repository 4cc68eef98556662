importScripts("lib/classic.js", "/js/lib/more.js");
postMessage(classic + more);
