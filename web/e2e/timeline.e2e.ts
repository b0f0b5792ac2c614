import { beforeAll, expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password, type Person } from './browser.ts';
import { fill } from './fill.ts';
import { Stage, unique } from './stage.ts';

// A room that is full before anybody opens it, filled as fast as the server can.
for (const name of ['RATE', 'BURST', 'USER_RATE', 'USER_BURST']) process.env[`HUBBUB_${name}`] = '1000000';
const stage = new Stage('', undefined, { reducedMotion: 'no-preference' });

/** More messages than the page holds for a reader who scrolls back. */
const count = 1_250;
let room: string;

beforeAll(async () => {
  const api = new Api(stage.server.url);
  const { token } = await api.register(unique('Bo'), password);
  room = (await api.createRoom(token, unique('Long'), '', false)).id;
  await fill(stage.server.url, [token], room, count);
});

/** A person who is at the end of the room. */
async function reader(name = 'Ada'): Promise<Person> {
  const ada = await stage.person(name, 'desktop');
  await ada.page.evaluate(async (id) => {
    const { token } = JSON.parse(localStorage.getItem('hubbub.session')!) as { token: string };
    await fetch(`/v1/rooms/${id}/join`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: '{}' });
  }, room);
  await ada.page.goto(`${stage.server.url}/#/room/${room}`);
  await ada.page.reload();
  // If the room opens while history still stores the messages, all of them may be new.
  const newer = ada.page.getByRole('button', { name: /new messages$/ });
  await number(ada, count - 1).or(newer).first().waitFor();
  if (await newer.isVisible()) await newer.click();
  await number(ada, count - 1).waitFor();
  return ada;
}

/** The message with a number. */
const number = (p: Person, i: number) => p.log.getByRole('article').filter({ has: p.page.locator('.text', { hasText: new RegExp(`^${i}: `) }) });

/** The numbers of the messages in the document, from top to bottom. */
const numbers = (p: Person) => p.log.evaluate((e) => [...e.querySelectorAll('article .text')].map((t) => Number.parseInt(t.textContent!, 10)));

/** Scrolls up or down until a message is in the document, and calls a function at each step. */
async function go(p: Person, by: number, to: number, look: (rows: number[]) => void = () => undefined): Promise<void> {
  for (;;) {
    const rows = await numbers(p);
    look(rows);
    if (rows.includes(to)) return;
    // It went past it: back, in smaller steps.
    if (rows.length && (by < 0 ? Math.max(...rows) < to : Math.min(...rows) > to)) by = -Math.sign(by) * Math.max(Math.abs(by) / 2, 200);
    await p.log.evaluate((e, px) => e.scrollBy({ top: px, behavior: 'instant' }), by);
    await p.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }
}

test('typing does not render a row again', async () => {
  const ada = await reader();
  await ada.field.focus();
  await ada.page.keyboard.type('a');
  await ada.log.evaluate((e) => {
    const changes: string[] = [];
    new MutationObserver((list) => list.forEach((m) => changes.push(`${m.type} of ${(m.target as Element).className}`)))
      .observe(e, { subtree: true, childList: true, attributes: true, characterData: true });
    const rows = [...e.querySelectorAll('article')];
    Object.assign(globalThis, { changes, rows });
  });
  await ada.page.keyboard.type('bc');
  await expect.poll(() => ada.field.inputValue()).toBe('abc');
  const { changes, same } = await ada.log.evaluate((e) => {
    const { changes, rows } = globalThis as unknown as { changes: string[]; rows: Element[] };
    return { changes, same: [...e.querySelectorAll('article')].every((row, i) => row === rows[i]) };
  });
  expect(changes).toEqual([]);
  expect(same).toBe(true);
  // A message that arrives adds a row: the others stay the same elements.
  await ada.page.keyboard.press('Enter');
  await ada.message('abc').getByLabel(/^(Sent|Read by)/).waitFor();
  expect(await ada.log.evaluate((e) => {
    const { rows } = globalThis as unknown as { rows: Element[] };
    const kept = [...e.querySelectorAll('article')].filter((row) => rows.includes(row)).length;
    return rows.length - kept;
  })).toBeLessThan(12); // except rows that are far from the view now
});

test('a long room is read to its beginning and back: few rows at a time, each once, in order, and none moves', async () => {
  const ada = await reader();
  let most = 0;
  const look = (rows: number[]) => {
    most = Math.max(most, rows.length);
    const shown = rows.filter((n) => !Number.isNaN(n));
    expect(shown).toEqual(Array.from({ length: shown.length }, (_, i) => shown[0]! + i));
  };
  // Visible rows stay in place while rows and pages are added above and removed below.
  const steady = async (by: number) => {
    const before = await ada.log.evaluate((e) => {
      const box = e.getBoundingClientRect();
      const row = [...e.querySelectorAll('article')].find((a) => a.getBoundingClientRect().top > box.top + 200)!;
      Object.assign(globalThis, { row });
      return row.getBoundingClientRect().top;
    });
    await ada.log.evaluate((e, px) => e.scrollBy({ top: px, behavior: 'instant' }), by);
    await ada.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await ada.log.and(ada.page.locator('[aria-busy=false]')).waitFor();
    const after = await ada.page.evaluate(() => {
      const { row } = globalThis as unknown as { row: Element };
      return row.isConnected ? row.getBoundingClientRect().top : undefined;
    });
    if (after !== undefined) expect(Math.abs(after - before + by)).toBeLessThan(2);
  };
  for (let i = 0; i < 30; i++) await steady(-150);
  await go(ada, -1_500, 0, look);
  await ada.log.getByText('This is where it begins.').waitFor();
  for (let i = 0; i < 10; i++) await steady(150);
  await go(ada, 1_500, count - 1, look);
  expect(most).toBeGreaterThan(20);
  expect(most).toBeLessThanOrEqual(400);
  await ada.shot('timeline');

  // Far back, a button leads to the end at once, where new messages show.
  await go(ada, -3_000, 0);
  await ada.page.getByRole('button', { name: 'Go to the newest message' }).click();
  await number(ada, count - 1).waitFor();
  await go(ada, -3_000, 0);
  const text = unique('from far back');
  await ada.say(text);
  await ada.message(text).getByLabel(/^(Sent|Read by)/).waitFor();
  await ada.page.waitForFunction(() => {
    const last = [...document.querySelectorAll('[role=log] article')].at(-1)!;
    return last.getBoundingClientRect().bottom <= last.closest('[role=log]')!.getBoundingClientRect().bottom + 1;
  });
});

test('a row keeps the focus when it leaves the view, and the arrows go on from it', async () => {
  const ada = await reader();
  const focused = () => ada.page.evaluate(() => document.activeElement?.getAttribute('role') ?? Number.parseInt(document.activeElement?.querySelector('.text')?.textContent ?? '', 10));
  await ada.log.focus();
  await ada.page.keyboard.press('End');
  for (let i = 0; i < 3; i++) await ada.page.keyboard.press('ArrowUp');
  const at = await focused();
  expect(at).toBeTypeOf('number');
  await ada.page.mouse.move(700, 300);
  while ((await focused()) !== 'log') await ada.page.mouse.wheel(0, -2_000);
  expect(await numbers(ada)).not.toContain(at);
  while ((await focused()) === 'log') await ada.page.mouse.wheel(0, 2_000);
  expect(await focused()).toBe(at);
  await ada.page.keyboard.press('ArrowUp');
  expect(await focused()).toBe(Number(at) - 1);
});

test('print has all loaded messages, and no buttons', async () => {
  const ada = await reader();
  await go(ada, -2_000, count - 150);
  const standing = (await numbers(ada)).length;
  await ada.page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
  const printed = await numbers(ada);
  expect(printed.length).toBeGreaterThan(standing);
  expect(printed).toContain(count - 1);
  await ada.page.emulateMedia({ media: 'print' });
  const { page, log } = await ada.log.evaluate((e) => ({ page: document.documentElement.scrollHeight, log: e.scrollHeight }));
  expect(page).toBeGreaterThanOrEqual(log);
  expect(await ada.field.isVisible()).toBe(false);
  await ada.page.emulateMedia({ media: 'screen' });
  await ada.page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
  await expect.poll(async () => (await numbers(ada)).length).toBeLessThan(printed.length);
});
