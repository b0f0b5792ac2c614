import { expect, test } from 'vitest';
import { Person } from './browser.ts';
import { Stage, unique } from './stage.ts';

const stage = new Stage('', undefined, { serviceWorkers: 'allow' });

async function makeRoom(owner: Person, name: string, isPrivate: boolean): Promise<string> {
  await owner.leaveRoom();
  await owner.page.getByRole('button', { name: 'Create a room' }).click();
  const dialog = owner.page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Topic').fill('What it is about');
  if (isPrivate) await dialog.getByRole('switch').check();
  await dialog.getByRole('button', { name: 'Create room' }).click();
  await owner.page.getByRole('heading', { level: 1, name }).waitFor();
  return owner.page.url();
}

test('a new room is at the top of the list, and its address lets others join it', async () => {
  const [ada, bo] = [await stage.person('Ada', 'desktop'), await stage.person('Bo', 'phone')];
  await ada.enter('lobby');
  await ada.say(unique('before'));
  const name = unique('club');
  const url = await makeRoom(ada, name, false);
  await expect.poll(() => ada.rooms.getByRole('link').filter({ hasNotText: 'Threads' }).first().textContent()).toContain(name);
  await ada.page.reload();
  await ada.room(name).waitFor();
  await expect.poll(() => ada.rooms.getByRole('link').filter({ hasNotText: 'Threads' }).first().textContent()).toContain(name);

  await bo.page.goto(url);
  const card = bo.page.getByRole('main');
  await card.getByText('What it is about').waitFor();
  await bo.shot('public-room-by-link');
  await card.getByRole('button', { name: 'Join this room' }).click();
  await bo.field.waitFor();

  const hidden = await makeRoom(ada, unique('secret'), true);
  await bo.page.goto(hidden);
  await card.getByText('It may be private, or deleted.').waitFor();
});

test('a removed member sees who removed them', async () => {
  const [ada, bo] = [await stage.person('Ada', 'desktop'), await stage.person('Bo', 'desktop')];
  const name = unique('club');
  const url = await makeRoom(ada, name, false);
  await bo.page.goto(url);
  await bo.page.getByRole('button', { name: 'Join this room' }).click();
  await bo.field.waitFor();
  await ada.page.getByRole('button', { name: `Role and membership of ${bo.name}` }).click();
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Remove from the room' }).click();
  await ada.page.getByRole('dialog').getByLabel('Reason').fill('too loud');
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
  await expect.poll(() => bo.page.getByRole('main').textContent()).toContain(`${ada.name} took you out of ${name}: too loud`);
  await bo.shot('taken-out');
});

test('leaving a private room warns that one cannot come back alone', async () => {
  const ada = await stage.person('Ada', 'desktop');
  for (const [isPrivate, words] of [[true, 'somebody in it has to add you again'], [false, 'you can join it again']] as const) {
    await makeRoom(ada, unique('club'), isPrivate);
    await ada.say('/leave');
    await ada.page.getByRole('dialog').getByText(words).waitFor();
    await ada.page.keyboard.press('Escape');
  }
});

test('the links between log-in, registration and guests keep the focus in the form', async () => {
  const ada = await Person.open(stage.browser, stage.server.url, unique('Ada'), 'desktop');
  stage.people.push(ada);
  for (const way of ['Create an account', 'Continue as guest', 'Log in']) {
    await ada.page.getByRole('navigation').getByRole('button', { name: way }).press('Enter');
    await expect.poll(() => ada.page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('name');
  }
});
