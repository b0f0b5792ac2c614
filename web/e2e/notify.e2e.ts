import type { Worker } from 'playwright-core';
import { expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password, type Person } from './browser.ts';
import { Stage } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage('', undefined, { serviceWorkers: 'allow' });

/** Waits until the page's service worker has cached the page. */
async function kept(person: Person): Promise<void> {
  await person.page.evaluate(() => navigator.serviceWorker.ready);
  await expect.poll(() => person.page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true);
}

/**
 * The service worker of a person's page, which records the notifications: the headless browser shows
 * none.
 */
async function worker(person: Person): Promise<Worker> {
  await kept(person);
  const [found] = person.page.context().serviceWorkers();
  if (!found) throw new Error('there is no service worker');
  await found.evaluate(() => {
    const self = globalThis as unknown as { shown: Map<string, string>; registration: object };
    self.shown = new Map();
    Object.defineProperty(self.registration, 'showNotification', { value: async (title: string, o: { tag: string; body: string }) => void self.shown.set(o.tag, `${title} · ${o.body}`) });
  });
  return found;
}

/** Sends the service worker a push. */
const push = (to: Worker, payload: object) => to.evaluate((data) => {
  const self = globalThis as unknown as { PushEvent: new (type: string, init: object) => Event };
  globalThis.dispatchEvent(new self.PushEvent('push', { data }));
}, JSON.stringify(payload));

/** The notifications, by tag. */
const notifications = (of: Worker) => of.evaluate(() => Object.fromEntries((globalThis as unknown as { shown: Map<string, string> }).shown));

test('the page can be installed: its manifest and its service worker are as browsers want them', async () => {
  const at = new URL(`${stage.server.url}/`);
  const manifest = await fetch(new URL('manifest.webmanifest', at));
  expect(manifest.headers.get('content-type')).toContain('application/manifest+json');
  const content = await manifest.json() as { start_url: string; scope: string; icons: { src: string; sizes: string; type: string; purpose: string }[] };
  expect([new URL(content.start_url, manifest.url).href, new URL(content.scope, manifest.url).href]).toEqual([at.href, at.href]);
  expect(content.icons.map((i) => `${i.sizes} ${i.purpose}`)).toEqual(expect.arrayContaining(['192x192 any', '512x512 any', '512x512 maskable']));
  for (const icon of content.icons) {
    const image = await fetch(new URL(icon.src, manifest.url));
    expect([image.status, image.headers.get('content-type')]).toEqual([200, icon.type]);
  }
  const worker = await fetch(new URL('sw.js', at));
  expect(worker.headers.get('content-type')).toContain('text/javascript');
  expect(worker.headers.get('cache-control')).toContain('no-cache');
  const ada = await stage.person('Ada', 'desktop');
  await kept(ada);
  expect(await ada.page.evaluate(async () => (await navigator.serviceWorker.ready).scope)).toBe(at.href);
});

test('a push shows a notification unless its room is in view, and a click leads to the message', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  const sw = await worker(ada);
  await ada.page.waitForTimeout(2_500); // until notifications have loaded
  await push(sw, { kind: 'mention', room: 'random', name: 'Random', seq: 5, author: 'Bo', count: 1 });
  await push(sw, { kind: 'mention', room: 'random', name: 'Random', seq: 5, author: 'Cy', count: 2 });
  await expect.poll(() => notifications(sw)).toEqual({ 'room:random': 'Cy mentioned you in Random · 2 new messages' });
  await ada.page.bringToFront();
  await push(sw, { kind: 'direct', room: 'lobby', author: 'Bo' }); // the open room
  await push(sw, { kind: 'test' });
  await expect.poll(async () => Object.keys(await notifications(sw)).toSorted()).toEqual(['room:random', 'test']);
  await sw.evaluate(() => {
    const click = Object.assign(new Event('notificationclick'), { notification: { close: () => undefined, data: { room: 'random', seq: 5 } }, waitUntil: () => undefined });
    globalThis.dispatchEvent(click);
  });
  await ada.page.getByRole('heading', { level: 1, name: 'random' }).waitFor();
  expect(new URL(ada.page.url()).hash).toContain('#/room/random');
});

test('a notification is in the language of the page, or else of the browser', async () => {
  const ada = await stage.person('Ada', 'desktop');
  const mention = { kind: 'mention', room: 'random', name: 'Random', seq: 5, author: 'Cy', count: 2 };
  await ada.page.evaluate(() => localStorage.setItem('hubbub.look', JSON.stringify({ language: 'de' })));
  await ada.page.reload();
  await ada.page.locator('html[lang=de]').waitFor();
  const sw = await worker(ada);
  await push(sw, mention);
  await expect.poll(() => notifications(sw)).toEqual({ 'room:random': 'Cy hat dich in Random erwähnt · 2 neue Nachrichten' });
  await sw.evaluate(() => caches.delete('hubbub-language'));
  await push(sw, mention);
  await expect.poll(() => notifications(sw)).toEqual({ 'room:random': 'Cy mentioned you in Random · 2 new messages' });
});

test('the page asks to allow notifications after the first mention, and not at the start', async () => {
  const ada = await stage.person('Ada', 'desktop');
  // A headless browser refuses without asking.
  await ada.page.addInitScript(() => Object.defineProperty(Notification, 'permission', { get: () => 'default' }));
  await ada.page.reload();
  await ada.enter('lobby');
  await ada.page.waitForTimeout(2_500); // until notifications have loaded
  const ask = ada.page.getByRole('region', { name: 'Notifications' });
  expect(await ask.count()).toBe(0);
  const other = await stage.person('Cy', 'desktop');
  await other.enter('random');
  await other.say(`@${ada.name} look`);
  await ask.waitFor();
  await ada.shot('notify-ask');
  await ask.getByRole('button', { name: 'Not now' }).click();
  await other.say(`@${ada.name} again`);
  await ada.room('random').getByText('again').waitFor();
  expect(await ask.count()).toBe(0);
});

test('notifications are chosen in Settings and in the room, and the server keeps the choice', async () => {
  for (const device of ['desktop', 'phone'] as const) {
    const ada = await stage.person('Ada', device);
    await ada.page.getByRole('button', { name: /Your account and status/ }).click();
    const dialog = ada.page.getByRole('dialog');
    await dialog.getByRole('tab', { name: 'Notifications' }).click();
    await dialog.getByRole('radio', { name: /^Everything/ }).check();
    await dialog.getByLabel(/^Words/).fill('deploy, on call');
    await dialog.getByRole('checkbox', { name: /quiet hours/ }).check();
    await dialog.getByRole('textbox', { name: 'From' }).fill('21:30');
    await dialog.getByRole('textbox', { name: 'To' }).fill('06:15');
    await ada.shot('notify-settings');
    expect(await violations(ada.page)).toEqual([]);
    const api = new Api(stage.server.url);
    const { token } = await api.login(ada.name, password);
    const notify = async () => (await api.preferences(token)).values['notify'] as Record<string, unknown>;
    await expect.poll(notify).toMatchObject({ level: 'everything', words: ['deploy', 'on call'], quiet: { from: 1290, to: 375 } });
    await ada.page.keyboard.press('Escape');
    await ada.enter('lobby');
    await ada.page.getByRole('button', { name: /in your list$/ }).click();
    await ada.page.getByRole('dialog').getByLabel('Notifications').selectOption('nothing');
    await expect.poll(notify).toMatchObject({ rooms: { lobby: 'nothing' } });
    await ada.shot('notify-room');
    await ada.page.keyboard.press('Escape');
  }
});
