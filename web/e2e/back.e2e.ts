import { expect, test } from 'vitest';
import { password, Person } from './browser.ts';
import { Stage, unique } from './stage.ts';

const stage = new Stage('', undefined, { serviceWorkers: 'allow' });

test('Back closes dialogs and panels, and Forward does not open them', async () => {
  const ada = await stage.person('Ada', 'phone');
  await ada.enter('lobby');
  const dialog = ada.page.getByRole('dialog');
  const people = ada.page.getByRole('complementary', { name: 'People' });
  const here = ada.page.url();

  await ada.page.getByRole('button', { name: /^People/ }).click();
  await people.waitFor();
  await ada.page.goBack();
  await people.waitFor({ state: 'hidden' });
  await ada.page.goForward();
  await ada.field.waitFor();
  await expect.poll(() => people.isVisible()).toBe(false);
  expect(ada.page.url()).toBe(here);

  // One over another: Back closes them one by one.
  await ada.page.getByRole('button', { name: 'Formatting' }).click();
  await ada.page.getByRole('button', { name: 'Insert an emoji' }).last().click();
  await dialog.getByRole('searchbox').or(dialog.getByRole('combobox')).waitFor();
  await ada.page.goBack();
  await dialog.waitFor({ state: 'hidden' });
  expect(ada.page.url()).toBe(here);

  // The room is left, and the list is under it.
  await ada.page.goBack();
  await ada.room('lobby').waitFor();
  expect(new URL(ada.page.url()).hash).not.toContain('room');

  await ada.page.getByRole('button', { name: 'Browse rooms' }).click();
  await dialog.waitFor();
  await ada.page.goBack();
  await dialog.waitFor({ state: 'hidden' });
  await ada.room('lobby').waitFor();
});

test('a closed dialog leaves no entry in the history', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  await ada.enter('random');
  const dialog = ada.page.getByRole('dialog');
  for (let i = 0; i < 3; i++) {
    await ada.page.getByRole('button', { name: 'Browse rooms' }).click();
    await dialog.waitFor();
    await ada.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  }
  // A dialog that leads elsewhere: Back leads to where it was opened.
  await ada.page.getByRole('button', { name: 'Browse rooms' }).click();
  await dialog.getByLabel('Search rooms').fill('help');
  await dialog.getByRole('button', { name: 'Open help' }).click();
  await ada.page.getByRole('heading', { level: 1, name: 'help' }).waitFor();
  await ada.page.goBack();
  await ada.page.getByRole('heading', { level: 1, name: 'random' }).waitFor();
  await ada.page.goBack();
  await ada.page.getByRole('heading', { level: 1, name: 'lobby' }).waitFor();
});

test('on a phone the arrow goes back to the list, and Back then does not return to the room', async () => {
  const ada = await stage.person('Ada', 'phone');
  const entries = () => ada.page.evaluate(() => history.length);
  await ada.enter('lobby');
  const before = await entries();
  for (let i = 0; i < 2; i++) {
    await ada.page.getByRole('link', { name: 'Back to your rooms' }).click();
    await ada.room('lobby').click();
    await ada.field.waitFor();
  }
  expect(await entries()).toBe(before);
});

test('a link to a room leads there after the log-in', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('help');
  const link = ada.page.url();
  const bo = await Person.open(stage.browser, link, unique('Bo'), 'phone');
  stage.people.push(bo);
  await bo.page.getByRole('button', { name: 'Create an account' }).click();
  await bo.page.getByLabel('Name').fill(bo.name);
  await bo.page.getByLabel('Password').fill(password);
  await bo.page.getByRole('button', { name: 'Create account' }).click();
  await bo.page.getByRole('heading', { level: 1, name: 'help' }).waitFor();
  expect(bo.page.url()).toBe(link);
});
