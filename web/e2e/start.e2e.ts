import { expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password, type Person } from './browser.ts';
import { Stage, unique } from './stage.ts';

const stage = new Stage();

/** The most that the first visit of the page loads, compressed and without fonts, bytes. */
const most = 100_000;
/**
 * The same for a link to a room, which loads some 109,000, of which 6,000 are headers of HTTP. A slow
 * machine may also count what loads a moment later, such as the list of people.
 */
const mostOfRoom = 115_000;

/** Loads a page without the browser's cache, and returns how many bytes came before `seen` appears. */
async function weigh(person: Person, bound: number, seen: () => Promise<unknown>): Promise<number> {
  const cdp = await person.page.context().newCDPSession(person.page);
  await cdp.send('Network.enable');
  await cdp.send('Network.setCacheDisabled', { cacheDisabled: true });
  await cdp.send('Network.setBypassServiceWorker', { bypass: true }); // it caches files
  const loaded = new Map<string, { url: string; coding: string; bytes: number }>();
  cdp.on('Network.responseReceived', (e) => {
    if (e.type === 'Document') loaded.clear(); // what the page before the reload still loaded
    if (['Document', 'Script', 'Stylesheet'].includes(e.type)) loaded.set(e.requestId, { url: e.response.url, coding: e.response.headers['Content-Encoding'] ?? '', bytes: 0 });
  });
  cdp.on('Network.loadingFinished', (e) => {
    const file = loaded.get(e.requestId);
    if (file) file.bytes = e.encodedDataLength;
  });
  await person.page.reload();
  await seen();
  const files = [...loaded.values()];
  await cdp.detach();
  if (!process.env['HUBBUB_URL']) expect(files.filter((f) => f.bytes > 1_500).map((f) => f.coding)).toEqual(files.filter((f) => f.bytes > 1_500).map(() => 'br'));
  const sum = files.reduce((all, f) => all + f.bytes, 0);
  expect(sum, JSON.stringify(files)).toBeLessThan(bound);
  return sum;
}

test('the first visit loads little, and nothing that is needed later only', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await weigh(ada, most, () => ada.rooms.getByRole('link').first().waitFor());
  // A dialog loads on demand.
  await ada.page.getByRole('button', { name: 'Browse rooms' }).click();
  await ada.page.getByRole('dialog').waitFor();
});

test('messages are on their way before the page is here', async () => {
  const text = async (path: string) => (await fetch(new URL(path, `${stage.server.url}/`))).text();
  const first = /<script type="module"[^>]* src="([^"]+)"/.exec(await text(''))![1]!;
  const script = await text(first);
  expect(script).toMatch(/import\([`'"]\.\/messages-/);
  expect(script).not.toMatch(/import\s*(?:\{[^}]*\}\s*from\s*)?[`'"]\.\//); // it would wait for that file
});

test('a link to a room also loads little before one can read and write there', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  const [words, marks] = [unique('only words'), unique('https://example.org/some')];
  await ada.say(words);
  await ada.say(marks);
  await ada.message(marks).getByLabel(/^(Sent|Read by)/).waitFor();
  expect(ada.page.url()).toContain('#/room/lobby');
  await weigh(ada, mostOfRoom, async () => {
    await ada.message(words).waitFor();
    await ada.field.waitFor();
  });
});

test('the page shows its layout before it has loaded, and the list does not jump then', async () => {
  const api = new Api(stage.server.url);
  const ada = await stage.person('Ada', 'desktop');
  const { token } = await api.login(ada.name, password);
  const many = 45; // more than are drawn at once
  for (let i = 0; i < many; i++) await api.createRoom(token, unique(`Club-${i}`), 'What it is about', false);
  await expect.poll(() => ada.rooms.getByRole('link').count()).toBeGreaterThan(many);

  let open = () => {};
  const held = new Promise<void>((resolve) => (open = resolve));
  for (const files of ['**/*.js', '**/*.css']) {
    await ada.page.route(files, async (route) => {
      await held;
      await route.continue();
    });
  }
  await ada.page.addInitScript(() => {
    Object.assign(globalThis, { shift: 0 });
    new PerformanceObserver((list) => list.getEntries().forEach((e) => {
      const { value, hadRecentInput } = e as PerformanceEntry & { value: number; hadRecentInput: boolean };
      if (!hadRecentInput) (globalThis as unknown as { shift: number }).shift += value;
    })).observe({ type: 'layout-shift', buffered: true });
  });
  await ada.page.reload({ waitUntil: 'commit' });
  await ada.page.locator('.skeleton .row').first().waitFor();
  // It is painted from the HTML alone: neither style sheet nor script is here.
  await expect.poll(() => ada.page.evaluate(() => performance.getEntriesByName('first-contentful-paint').length)).toBe(1);
  await ada.shot('skeleton');
  open();
  await expect.poll(() => ada.rooms.getByRole('link').count()).toBeGreaterThan(many);
  await ada.enter('lobby');
  expect(await ada.page.locator('.skeleton').count()).toBe(0);
  expect(await ada.page.evaluate(() => (globalThis as unknown as { shift: number }).shift)).toBeLessThanOrEqual(0.05);
});
