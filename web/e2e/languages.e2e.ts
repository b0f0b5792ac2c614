import { expect, test } from 'vitest';
import { catalogue } from '../messages.ts';
import { Api, type Grant } from '../src/client/index.ts';
import { password, Person, type Device } from './browser.ts';
import { outside } from './outside.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

/** The messages without parameters of a language, by their names. */
const words = (language: string) => catalogue(language) as Record<string, string>;

/** Opens the settings and chooses a language in them, whatever the page speaks. */
async function choose(p: Person, from: string, to: string): Promise<void> {
  await p.page.locator('button.me').click();
  await p.page.getByRole('tab', { name: words(from)['look']!, exact: true }).click();
  await p.page.getByRole('dialog').getByRole('combobox').selectOption(to);
  await p.page.locator(`html[lang=${to}]`).waitFor();
  await p.page.getByRole('tab', { name: words(to)['look']!, exact: true, selected: true }).waitFor();
}
async function close(p: Person): Promise<void> {
  await p.page.keyboard.press('Escape');
  await p.page.getByRole('dialog').waitFor({ state: 'hidden' });
}
const way = (p: Person) => p.page.evaluate(() => `${document.documentElement.lang} ${document.documentElement.dir}`);

test('the language changes at once, and no draft or dialog is lost', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  await ada.field.fill('half a sentence');
  const field = await ada.field.elementHandle();
  await choose(ada, 'en', 'de');
  expect(await way(ada)).toBe('de ltr');
  await ada.page.getByText(words('de')['theme']!).waitFor();
  await close(ada);
  await ada.page.getByRole('navigation', { name: words('de')['rooms']!, exact: true }).waitFor();
  expect(await field!.evaluate((f: HTMLTextAreaElement) => f.isConnected && f.value)).toBe('half a sentence');
  await ada.shot('language-de-desktop');
  // The choice is kept, and other tabs of the page follow.
  await ada.page.reload();
  await ada.page.getByRole('navigation', { name: words('de')['rooms']!, exact: true }).waitFor();
  const tab = await ada.page.context().newPage();
  await tab.goto(stage.server.url);
  await tab.locator('button.me').waitFor();
  await choose(ada, 'de', 'fr');
  await tab.locator('html[lang=fr]').waitFor();
  await tab.getByRole('navigation', { name: words('fr')['rooms']!, exact: true }).waitFor();
  await tab.close();
});

test.each(['desktop', 'phone'] as const)('Arabic goes from right to left: %s', async (device: Device) => {
  const ada = await stage.person('Ada', device);
  const bo = await stage.person('Bo', 'desktop');
  for (const p of [ada, bo]) await p.enter('lobby');
  await bo.say('Ada, look at https://example.org/a/b and `code -x`');
  await bo.say('مرحبا، كيف الحال؟');
  await ada.log.getByText('كيف').last().waitFor();
  const seen = async (view: string) => {
    await ada.shot(`language-ar-${device}-${view}`);
    expect(await outside(ada), view).toEqual([]);
    expect(await violations(ada.page), view).toEqual([]);
  };
  await ada.leaveRoom();
  await choose(ada, 'en', 'ar');
  expect(await way(ada)).toBe('ar rtl');
  await seen('settings');
  await close(ada);
  await seen('list');
  await ada.page.locator('.sidebar').getByRole('link', { name: 'lobby' }).click();
  await ada.page.getByRole('article').first().waitFor();
  await seen('room');
  // On a screen with both, the list is on the side where lines begin.
  if (device === 'desktop') {
    const [list, room] = await Promise.all(['.sidebar', '.room-page'].map((s) => ada.page.locator(s).boundingBox()));
    expect(list!.x).toBeGreaterThan(room!.x);
  }
  // An arrow back points to where the line began.
  const arrows = await ada.page.evaluate(() => [...document.querySelectorAll('.lucide-arrow-left')].map((e) => getComputedStyle(e).scale));
  expect(new Set(arrows)).toEqual(new Set(['-1 1']));
  // Texts of people keep their own direction, and so do addresses and code.
  const ways = await ada.page.evaluate(() => [...document.querySelectorAll('.message-text p, .message-text a, .message-text code')].map((e) => `${/[ا-ي]/.test(e.textContent) ? 'Arabic' : 'Latin'} ${getComputedStyle(e).direction}`));
  expect(new Set(ways)).toEqual(new Set(['Latin ltr', 'Arabic rtl']));
});

test('what the server refuses is said in the language of the page, with what it says of it', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  await choose(ada, 'en', 'de');
  await close(ada);
  await ada.page.keyboard.press('Control+Shift+F');
  const field = ada.page.getByRole('combobox', { name: words('de')['searchMessages']!, exact: true });
  await field.fill('before:1960 x');
  await ada.page.getByText('before:1960 liegt vor 1970').waitFor();
  await ada.page.getByRole('button', { name: 'Filter before:1960 entfernen' }).click();
  await field.fill('from:"zur \\ Zeit niemand" x');
  await ada.page.getByText('Niemand heißt hier „zur \\ Zeit niemand“.').waitFor();
  await ada.shot('language-de-refused');
});

/** Texts of one line whose beginning is cut off. */
const beheaded = (p: Person): Promise<string[]> => p.page.evaluate(() => [...document.querySelectorAll('*')].filter((e) => {
  if (getComputedStyle(e).textOverflow !== 'ellipsis' || e.scrollWidth <= e.clientWidth || !e.checkVisibility()) return false;
  const texts = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
  let text = texts.nextNode();
  while (text && !text.textContent!.trim()) text = texts.nextNode();
  if (!text) return false;
  const first = document.createRange();
  const at = text.textContent!.search(/\S/);
  first.setStart(text, at);
  first.setEnd(text, at + 1);
  const [letter, line] = [first.getBoundingClientRect(), e.getBoundingClientRect()];
  return letter.left < line.left - 1 || letter.right > line.right + 1;
}).map((e) => `${e.tagName}.${e.className.toString()} ${e.textContent.trim().slice(0, 40)}`));

test.each(['desktop', 'phone'] as const)('a line in the other direction is cut off at its end: %s', async (device: Device) => {
  const api = new Api(stage.server.url);
  const { token } = await api.register(unique('Cy'), password);
  const name = unique('Everything about the ships that come and go');
  const { id } = await api.createRoom(token, name, 'What leaves the harbour this week, and what is to be loaded before it does', false);
  const ada = await stage.person('Ada', device);
  const bo = await stage.person('Bo', 'desktop');
  for (const p of [ada, bo]) {
    const grant = JSON.parse(await p.page.evaluate(() => localStorage.getItem('hubbub.session')!)) as Grant;
    await api.join(grant.token, id);
  }
  await bo.enter(name);
  await ada.leaveRoom();
  await choose(ada, 'en', 'ar');
  await close(ada);
  const row = ada.page.locator('.sidebar').getByRole('link', { name });
  await row.getByText('What leaves').waitFor();
  expect(await beheaded(ada)).toEqual([]);
  await ada.shot(`language-ar-${device}-lines`);
  await bo.say('Whatever has been loaded leaves with the tide of the evening, and the others wait until Thursday');
  await row.getByText('Whatever has').waitFor();
  expect(await beheaded(ada)).toEqual([]);
  await row.click();
  await ada.page.locator('textarea').fill('Then I shall see to it that all of them are loaded before the evening, whatever it takes');
  await ada.page.getByRole('heading', { level: 1, name }).waitFor();
  expect(await ada.page.locator('textarea').evaluate((t) => getComputedStyle(t).direction)).toBe('ltr');
  expect(await beheaded(ada)).toEqual([]);
  await ada.shot(`language-ar-${device}-lines-room`);
  const back = ada.page.locator('.room-page').getByRole('link', { name: words('ar')['backToYourRooms']! });
  if (device === 'desktop') return; // the list has no draft of the room that is shown
  await back.click();
  await row.getByText('Then I shall').waitFor();
  expect(await beheaded(ada)).toEqual([]);
});

test('Japanese comes from the browser, without being chosen, and only it is loaded', async () => {
  const p = await Person.open(stage.browser, stage.server.url, unique('Ada'), 'phone', { locale: 'ja-JP', bypassCSP: true });
  stage.people.push(p);
  const ja = words('ja');
  await p.page.getByRole('button', { name: ja['createAnAccount']! }).waitFor();
  expect(await way(p)).toBe('ja ltr');
  const loaded = await p.page.evaluate(() => performance.getEntriesByType('resource').map((e) => new URL(e.name).pathname));
  const of = loaded.map((path) => /messages-(\w+)-/.exec(path)?.[1]).filter((l) => l !== undefined);
  expect(new Set(of)).toEqual(new Set(['ja']));
  await p.shot('language-ja-welcome');
  expect(await violations(p.page)).toEqual([]);
  expect(await outside(p)).toEqual([]);
});
