importScripts("js/lib/more.js");
const FILES = ["/", "/sub/page.html", "js/app.js", "./css/main.css?v=1", '/js/ü x.js'];
self.addEventListener("install", event => event.waitUntil(
	caches.open("site").then(cache => cache.addAll(FILES)).then(() => skipWaiting())));
self.addEventListener("activate", event => event.waitUntil(clients.claim()));
