import { expect, test } from 'vitest';
import type { Person } from './browser.ts';
import { small } from './small.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage('', undefined, { reducedMotion: 'no-preference' });

async function twoMessages(): Promise<{ ada: Person; bo: Person; text: string }> {
  const [ada, bo] = [await stage.person('Ada', 'desktop'), await stage.person('Bo', 'phone')];
  const text = unique('over here');
  await ada.enter('lobby');
  await ada.say(text);
  await bo.enter('lobby');
  await bo.message(text).waitFor();
  return { ada, bo, text };
}

test('a long press opens a sheet: reactions, then rows of 48 px; a tap opens nothing', async () => {
  const { ada, bo, text } = await twoMessages();
  const sheet = bo.tools(text);
  await bo.finger(bo.message(text).locator('.text'), [], 50);
  await bo.finger(bo.message(text), [[0, -10], [0, -20], [0, -20]], 600); // it scrolls, and then rests
  expect(await sheet.count()).toBe(0);
  expect(await bo.log.getByRole('toolbar').count()).toBe(0);
  await bo.touch(text);
  await sheet.waitFor();
  expect(await bo.page.evaluate(() => getSelection()?.toString())).toBe('');
  await sheet.evaluate((e) => Promise.all(e.getAnimations({ subtree: true }).map((a) => a.finished)));
  const names = await sheet.getByRole('button').evaluateAll((all) => all.map((b) => ({ name: b.getAttribute('aria-label') ?? b.textContent!.trim(), height: b.getBoundingClientRect().height })));
  expect(names[1]!.name).toMatch(/^React with/);
  for (const b of names.slice(1)) expect(b.height, b.name).toBeGreaterThanOrEqual(48);
  expect(names.map((b) => b.name)).toEqual(expect.arrayContaining(['More reactions', 'Reply', 'Copy text', 'Mark as unread', 'Report']));
  await bo.shot('message-sheet');
  expect(await violations(bo.page)).toEqual([]);
  await sheet.getByRole('button', { name: 'React with 👍' }).click();
  await sheet.waitFor({ state: 'hidden' });
  await ada.log.getByRole('button', { name: /^👍, 1/ }).waitFor();
  // Back closes the dialog that replaces the sheet, and the room stays.
  await bo.act(text, 'Report');
  await bo.page.getByRole('dialog', { name: /Report/ }).waitFor();
  await bo.page.goBack();
  await bo.page.getByRole('dialog').waitFor({ state: 'hidden' });
  await bo.message(text).waitFor();
});

test('a swipe answers a message if it is long enough, sideways, and does not begin at the edge', async () => {
  const { ada, bo, text } = await twoMessages();
  const answers = bo.page.getByText(`Replying to ${ada.name}`);
  const steps = (n: number, x: number, y: number) => Array.from({ length: n }, () => [x, y] as const);
  await bo.finger(bo.message(text), steps(4, 10, 0));
  await bo.finger(bo.message(text), steps(10, 10, 14));
  await bo.finger(bo.message(text), steps(10, -10, 0));
  await bo.finger(bo.message(text).locator('.gutter'), [[-10, 0]]); // nothing yet
  expect(await answers.count()).toBe(0);
  await bo.finger(bo.message(text), steps(10, 12, 0));
  await answers.waitFor();
  expect(await bo.message(text).evaluate((e) => (e as HTMLElement).style.translate)).toBe('');
  const answer = unique('an answer');
  await bo.say(answer);
  await ada.message(answer).getByRole('button', { name: new RegExp(text) }).waitFor();
});

test('touch targets have 44 px, and fields have letters of 16 px', async () => {
  const { ada, bo, text } = await twoMessages();
  await ada.act(text, 'React with 👍');
  await bo.message(text).getByRole('button', { name: /^👍, 1/ }).waitFor();
  const fields = () => bo.page.evaluate(() => [...document.querySelectorAll('input, select, textarea')].filter((e) => e.checkVisibility() && !e.matches('[type=radio], [type=checkbox]'))
    .filter((e) => parseFloat(getComputedStyle(e).fontSize) < 16).map((e) => e.getAttribute('aria-label')));
  const seen = async (view: string) => {
    expect(await small(bo), view).toEqual([]);
    expect(await fields(), view).toEqual([]);
  };
  await seen('room');
  await bo.page.getByRole('button', { name: 'Formatting' }).click();
  await bo.page.getByRole('toolbar', { name: 'Formatting' }).waitFor();
  await seen('formats');
  await bo.page.getByRole('button', { name: /^People/ }).click();
  await bo.page.getByRole('complementary', { name: 'People' }).waitFor();
  await seen('people');
  await bo.page.goBack();
  await bo.leaveRoom();
  await seen('list');
  for (const name of ['Browse rooms', 'New direct message', 'Create a room', 'Your account']) {
    await bo.page.getByRole('button', { name }).click();
    await bo.page.getByRole('dialog').getByRole('button', { name: 'Close' }).waitFor();
    await seen(name);
    await bo.page.goBack();
    await bo.page.getByRole('dialog').waitFor({ state: 'hidden' });
  }
});

test('an on-screen keyboard that covers the page makes it lower', async () => {
  const ada = await stage.person('Ada', 'phone');
  // As on iOS: the window stays the same, and its visible part shrinks.
  await ada.page.addInitScript(() => {
    const seen = Object.assign(new EventTarget(), { height: innerHeight, offsetTop: 0, scale: 1 });
    Object.defineProperty(window, 'visualViewport', { value: seen });
  });
  await ada.page.reload();
  await ada.enter('lobby');
  const keyboard = (height: number) => ada.page.evaluate((h) => {
    const seen = visualViewport as unknown as { height: number } & EventTarget;
    seen.height = innerHeight - h;
    seen.dispatchEvent(new Event('resize'));
  }, height);
  const bottom = () => ada.field.evaluate((e) => innerHeight - e.getBoundingClientRect().bottom);
  const before = await bottom();
  await keyboard(300);
  await expect.poll(bottom).toBeGreaterThan(300);
  await keyboard(0);
  await expect.poll(bottom).toBe(before);
});
