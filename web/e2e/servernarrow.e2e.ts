import { beforeAll, expect, test as testIt } from 'vitest';
import type { BrowserContextOptions } from 'playwright-core';
import { catalogue } from '../messages.ts';
import { Api, type Grant } from '../src/client/index.ts';
import { password, Person } from './browser.ts';
import { outside } from './outside.ts';
import { small } from './small.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

// The server page on the narrowest of phones, in each language, with long names in it.

// It needs a server without an operator.
const test = testIt.skipIf(process.env['HUBBUB_URL'] !== undefined);
const stage = new Stage();
const boss = unique('B'.repeat(20));
const dot = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==', 'base64');
const long = 'W'.repeat(200);
let seen: { readonly grant: Grant; readonly person: string };

beforeAll(async () => {
  if (process.env['HUBBUB_URL'] !== undefined) return;
  const api = new Api(stage.server.url);
  const secret = /#\/setup\/([\w-]+)/.exec(stage.server.output())![1]!;
  const { token } = await api.setUp(secret, boss, password);
  const [author, reporter, muted, banned] = await Promise.all([unique('W'.repeat(24)), unique('M'.repeat(24)), '漢'.repeat(32), 'م'.repeat(32)].map((name) => api.register(name, password)));
  const room = await api.createRoom(author!.token, unique('W'.repeat(50)), long, false);
  const old = await api.createRoom(author!.token, unique('M'.repeat(50)), '', false);
  await api.join(reporter!.token, room.id);
  for (const text of [long, 'and some words that can be broken']) {
    const { id } = await api.request('POST', `/v1/rooms/${room.id}/messages`, author!.token, { text });
    await api.report(reporter!.token, room.id, author!.user.id, id as string, 'spam', long);
  }
  const ask = (method: string, path: string, payload: object) => api.request(method, path, token, payload);
  const { reports } = await api.request('GET', '/v1/reports', token) as { reports: { id: string }[] };
  await ask('POST', `/v1/reports/${reports[1]!.id}/resolve`, { outcome: 'dismiss', note: long });
  await ask('POST', `/v1/reports/${reports[0]!.id}/take`, {});
  await ask('PUT', `/v1/mutes/${muted!.user.id}`, { reason: long });
  await ask('PUT', `/v1/bans/${banned!.user.id}`, { reason: long, minutes: 43_200 });
  await ask('PUT', `/v1/mutes/${author!.user.id}`, { reason: 'too loud', minutes: 43_200 });
  await ask('POST', '/v1/network-bans', { network: '2001:db8:1111:2222::/64', reason: long });
  await ask('POST', '/v1/server/invitations', { uses: 10_000, minutes: 525_600, note: 'W'.repeat(128) });
  await ask('POST', '/v1/server/holds', { room: room.id, reason: long });
  await ask('PUT', `/v1/emoji/${'w'.repeat(32)}`, new Blob([dot], { type: 'image/png' }));
  await ask('PATCH', '/v1/server', { registration: 'open', guests: 'rooms', guest_rooms: [room.id] });
  await ask('POST', `/v1/rooms/${old.id}/archive`, {});
  seen = { grant: author!, person: author!.user.id };
});

/** The operator, on a phone of 320 px, in a language. */
async function operator(locale: string, options: BrowserContextOptions): Promise<Person> {
  const grant = await new Api(stage.server.url).login(boss, password);
  const { origin } = new URL(stage.server.url);
  const p = await Person.open(stage.browser, `${stage.server.url}/#/server`, boss, 'phone', {
    viewport: { width: 320, height: 640 }, deviceScaleFactor: 1, locale, bypassCSP: true, ...options,
    storageState: { cookies: [], origins: [{ origin, localStorage: [{ name: 'hubbub.session', value: JSON.stringify(grant) }] }] },
  });
  stage.people.push(p);
  return p;
}

/** What cannot be read in full: elements off the screen, also within scrolling ones, and words cut off. */
const cut = (p: Person): Promise<string[]> => p.page.evaluate(() => {
  const faults: string[] = [];
  for (const e of document.querySelectorAll<HTMLElement>('.server *, dialog[open] *')) {
    if (!e.checkVisibility() || e.closest('.hidden-text') || e.matches('option, input, select, textarea, img')) continue;
    const r = e.getBoundingClientRect();
    const tell = () => `${e.tagName}.${e.className.toString()} ${(e.getAttribute('aria-label') ?? e.textContent).slice(0, 30)}: ${Math.round(r.left)} to ${Math.round(r.right)}`;
    if (r.width && (r.left < -1 || r.right > innerWidth + 1)) faults.push(`beyond: ${tell()}`);
    if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth && getComputedStyle(e).overflowX !== 'visible') faults.push(`cut: ${tell()}, ${e.scrollWidth} in ${e.clientWidth}`);
  }
  return faults;
});

test.each([
  ['en', {}], ['ar', { colorScheme: 'dark' }], ['de', { forcedColors: 'active' }], ['fr', {}], ['ja', {}],
] as const)('the whole server page can be read and pressed on 320 px: %s', async (language, options) => {
  const words = catalogue(language) as Record<string, string>;
  const op = await operator(language, options);
  const main = op.page.getByRole('main');
  const dialog = op.page.getByRole('dialog');
  const faults: string[] = [];
  const look = async (view: string, withAxe: boolean) => {
    await op.shot(`narrow-${language}-${view}`);
    faults.push(...[...await cut(op), ...await outside(op), ...await small(op, 'small a, p:not(.links) a'), ...(withAxe ? await violations(op.page) : [])].map((f) => `${view}: ${f}`));
  };
  // axe takes longer than all the rest; server.e2e.ts runs it on these views in light colours.
  const axe = 'colorScheme' in options || 'forcedColors' in options;
  await main.getByRole('link', { name: words['auditLog']! }).waitFor();
  await look('menu', axe);
  const [person, room] = [`people?person=${seen.person}`, 'rooms'];
  const views: readonly (readonly [hash: string, title: string | undefined, dialogs: readonly string[]])[] = [
    ['people', 'serverPeople', []], [person, undefined, ['changeRole', 'change', 'signOutEverywhere', 'makeALink', 'removeMessages', 'disable', 'deleteIt']],
    ['reports', 'reports', ['decide']], ['reports?done=yes', 'reports', []], ['invitations', 'whoMayComeIn', ['change', 'newInvitation', 'takeBack']],
    ['bans', 'bansAndMutes', ['banANetwork']], [room, 'rooms', ['changeHowLong', 'newHold', 'archive', 'deleteIt']], ['rooms?archived=yes', 'rooms', []],
    ['emoji', 'emoji', ['newEmoji', 'remove']], ['audit', 'auditLog', []],
  ];
  for (const [hash, title, dialogs] of views) {
    const shown = title ? op.page.getByRole('heading', { level: 1 }).filter({ hasText: words[title]! }) : main.getByRole('button', { name: words['changeRole']! });
    await op.page.evaluate((to) => void (location.hash = `#/server/${to}`), hash);
    await shown.waitFor();
    await expect.poll(() => main.getByText(words['looking']!).count()).toBe(0);
    await main.locator('li, dl').last().waitFor();
    const view = hash.replace(/=[\w-]{9,}/, '').replaceAll(/\W+/g, '-');
    await look(view, axe);
    for (const button of dialogs) {
      // The names of some contain their subject, too.
      await main.locator('button', { hasText: words[button]! }).first().click();
      await dialog.waitFor();
      await look(`${view}-${button}`, 'colorScheme' in options);
      await op.page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'hidden' });
      // A closed dialog steps back in the history a moment later.
      await op.page.waitForFunction(() => (history.state as { layer?: unknown } | null)?.layer === undefined);
    }
  }
  expect(faults).toEqual([]);
});
