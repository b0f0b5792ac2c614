import { expect, test } from 'vitest';
import { password } from './browser.ts';
import { chat } from './chat.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

chat(stage, 'phone');

test('the list of rooms is a page with a heading', async () => {
  const ada = await stage.person('Ada', 'phone');
  const main = ada.page.getByRole('main');
  await main.getByRole('heading', { level: 1, name: 'Rooms' }).waitFor();
  await ada.shot('list-alone');
  expect(await violations(ada.page)).toEqual([]);
  await ada.enter('lobby');
  await main.getByRole('heading', { level: 1, name: 'lobby' }).waitFor();
  expect(await main.count()).toBe(1);
});

// The following is the same on every device.

test('HTML in a message is text, and only addresses are links', async () => {
  const [ada, bo] = await Promise.all([stage.person('Ada', 'phone'), stage.person('Bo', 'phone')]);
  await ada.enter('help');
  await bo.enter('help');
  const nasty = `<img src=x onerror="document.title='owned'"><b>${unique('bold')}</b> javascript:alert(1) https://example.org/a`;
  await ada.say(nasty);
  await bo.message(nasty).waitFor();
  await expect.poll(() => bo.message(nasty).locator('img, b').count()).toBe(0);
  await expect.poll(() => bo.message(nasty).getByRole('link').allInnerTexts()).toEqual(['https://example.org/a']);
  expect(await bo.page.title()).not.toContain('owned');
  await bo.say(`hello @${ada.name}, try \`<i>${nasty}</i>\``);
  await ada.log.locator('.mention.me', { hasText: `@${ada.name}` }).waitFor();
  await expect.poll(() => ada.log.locator('code').last().innerText()).toBe(`<i>${nasty}</i>`);
  await ada.shot('markup');
});

test('a draft waits in its room, also over a reload', async () => {
  const ada = await stage.person('Ada', 'phone');
  await ada.enter('lobby');
  await ada.field.fill('half a thought');
  await ada.enter('random');
  await expect.poll(() => ada.field.inputValue()).toBe('');
  await ada.page.reload();
  await ada.enter('lobby');
  await expect.poll(() => ada.field.inputValue()).toBe('half a thought');
});

test('/list-users shows who is online, to its user alone', async () => {
  const [ada, bo] = await Promise.all([stage.person('Ada', 'phone'), stage.person('Bo', 'phone')]);
  await ada.enter('lobby');
  await bo.enter('lobby');
  await ada.say('/list-users');
  const notice = ada.log.locator('.notice', { hasText: 'Only you see this' });
  for (const { name } of [ada, bo]) await notice.filter({ hasText: name }).waitFor();
  await expect.poll(() => bo.log.getByText('Only you see this').count()).toBe(0);
  await expect.poll(() => ada.message('/list-users').count()).toBe(0);
});

test('logging out ends the session in every tab', async () => {
  const ada = await stage.person('Ada', 'phone');
  const other = await ada.page.context().newPage();
  await other.goto(stage.server.url);
  await other.getByRole('navigation', { name: 'Rooms' }).getByRole('link').first().waitFor();
  await ada.page.getByRole('button', { name: 'Your account' }).click();
  await ada.page.getByRole('button', { name: 'Log out' }).click();
  await ada.page.getByRole('button', { name: 'Log in' }).waitFor();
  await other.getByRole('button', { name: 'Log in' }).waitFor();
  await ada.page.getByRole('heading', { name: 'Welcome back' }).waitFor();
  await ada.page.getByLabel('Name').fill(ada.name);
  await ada.page.getByLabel('Password').fill('not the password');
  await ada.page.getByRole('button', { name: 'Log in' }).click();
  await ada.page.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
  await ada.shot('wrong-password');
  await ada.page.getByLabel('Password').fill(password);
  await ada.page.getByRole('button', { name: 'Log in' }).click();
  await ada.rooms.getByRole('link').first().waitFor();
});

test('nothing is cut off by the edge of a narrow screen', async () => {
  const ada = await stage.person('Ada', 'phone');
  const edge = ada.page.viewportSize()!.width;
  await ada.page.getByRole('button', { name: /Your account and status/ }).click();
  const dialog = ada.page.getByRole('dialog');
  await dialog.getByRole('tab').first().waitFor(); // dialogs load on demand
  for (const tab of await dialog.getByRole('tab').all()) {
    await tab.scrollIntoViewIfNeeded(); // the tabs may scroll sideways
    const box = await tab.boundingBox();
    expect(box!.x + box!.width, await tab.innerText()).toBeLessThan(edge - 18); // the edge of the dialog
  }
  await ada.page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await ada.page.getByRole('button', { name: 'Browse rooms' }).click();
  const search = ada.page.getByRole('searchbox', { name: 'Search rooms' });
  expect((await search.boundingBox())!.width).toBeGreaterThan(160);
  await ada.shot('browse');
});
