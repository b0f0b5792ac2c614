/// <reference lib="webworker" />
/**
 * The service worker: it shows what is pushed, leads from a notification to its message, and has
 * the page's files where there is no network. It asks the server nothing and keeps no message.
 */
import messages from 'virtual:messages/worker';
import { best } from '../lang/languages.ts';
import { loadSpokenLanguage } from '../lang/saved.ts';
import { display, hashOf, noticeOf, tagOf, type Target } from './notice.ts';

declare const self: ServiceWorkerGlobalScope;
/** The files of this build, relative to the page, and what tells it from others: see serviceworker.ts. */
declare const FILES: readonly string[];
declare const BUILD: string;

/** So long an open page has to say whether somebody looks at a room, ms. */
const answerWithin = 300;
/** So long the network has to bring the page where it is kept, ms. */
const pageWithin = 4_000;

const cacheName = `hubbub-page-${BUILD}`;
const scope = new URL(self.registration.scope);

self.addEventListener('install', (e) => {
  e.waitUntil(caches.open(cacheName).then((cache) => cache.addAll(FILES.map((file) => new Request(new URL(file, scope), { cache: 'no-cache' })))));
});

self.addEventListener('activate', (e) => {
  e.waitUntil((async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith('hubbub-page-') && name !== cacheName);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

self.addEventListener('fetch', (e) => {
  const url = new URL(e.request.url);
  if (e.request.method !== 'GET' || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const path = url.pathname.slice(scope.pathname.length);
  if (e.request.mode === 'navigate' && (path === '' || path === 'index.html')) e.respondWith(page(e.request));
  // Files that are named by their content are the same for ever.
  else if (path.startsWith('assets/') || FILES.includes(path)) e.respondWith(file(e.request, path));
});

/** The page as the server has it; as it is kept where the server does not answer. */
async function page(request: Request): Promise<Response> {
  const kept = await (await caches.open(cacheName)).match(scope.href);
  if (!kept) return fetch(request);
  const late = new Promise<Response>((resolve) => setTimeout(() => resolve(kept.clone()), pageWithin));
  const fresh = fetch(request).then((r) => (r.status >= 500 ? kept.clone() : r), () => kept.clone());
  return Promise.race([fresh, late]);
}

/** A file: as it is kept, and else as the server has it. */
async function file(request: Request, path: string): Promise<Response> {
  const kept = await (await caches.open(cacheName)).match(new URL(path, scope), { ignoreVary: true });
  return kept ?? fetch(request);
}

self.addEventListener('push', (e) => e.waitUntil(tell(e.data)));

async function tell(data: PushMessageData | null): Promise<void> {
  let body: unknown;
  try {
    body = data?.json();
  } catch {
    // of a release to come: it is told all the same, since a browser wants something to be shown
  }
  const notice = noticeOf(body);
  if (notice.kind !== 'test' && notice.room !== undefined && (await seen(notice.room))) return;
  // What the page has spoken last; where it has not said, what the browser's user reads.
  const lang = (await loadSpokenLanguage().catch(() => undefined)) ?? best(self.navigator.languages);
  const { title, options } = display(notice, messages[lang]);
  const at = (path: string | undefined) => path && new URL(path, scope).href;
  await self.registration.showNotification(title, { ...options, lang, dir: lang === 'ar' ? 'rtl' : 'ltr', icon: at(options.icon), badge: at(options.badge) } as NotificationOptions);
  await count();
}

/** Whether somebody is looking at a room in an open page. */
async function seen(room: string): Promise<boolean> {
  const windows = await self.clients.matchAll({ type: 'window' });
  const asked = windows.filter((w) => w.visibilityState === 'visible').map((w) => new Promise<boolean>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', (m: MessageEvent) => resolve(m.data === true));
    port1.start();
    setTimeout(() => resolve(false), answerWithin);
    w.postMessage({ looking: room }, [port2]);
  }));
  return (await Promise.all(asked)).includes(true);
}

/** Says on the icon how many rooms there is something of; where pages are open, they know better. */
async function count(): Promise<void> {
  if (!('setAppBadge' in self.navigator) || (await self.clients.matchAll({ type: 'window' })).length) return;
  const all = await self.registration.getNotifications();
  await self.navigator.setAppBadge(all.filter((n) => n.tag.startsWith(tagOf(''))).length).catch(() => undefined);
}

self.addEventListener('notificationclick', (e) => {
  e.notification.close();
  e.waitUntil(open((e.notification.data ?? {}) as Target));
});

self.addEventListener('notificationclose', (e) => e.waitUntil(count()));

/** Shows a message in a page that is open, or in a new one. */
async function open(target: Target): Promise<void> {
  const hash = hashOf(target);
  const windows = await self.clients.matchAll({ type: 'window' });
  const at = windows.find((w) => w.focused) ?? windows.find((w) => w.visibilityState === 'visible') ?? windows[0];
  if (!at) {
    await self.clients.openWindow(new URL(hash, scope).href);
    return;
  }
  at.postMessage({ open: hash }, []);
  await at.focus().catch(() => undefined);
}

// A browser that gives a device another subscription tells nobody else: the page puts it when it is
// open again, and an open one does at once.
self.addEventListener('pushsubscriptionchange', (e) => {
  (e as ExtendableEvent).waitUntil(self.clients.matchAll({ type: 'window' }).then((all) => all.forEach((w) => w.postMessage({ subscribe: true }, []))));
});
