import { expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

test('an owner sets how long messages are kept, and resets the room', async () => {
  const [ada, bo] = await Promise.all([stage.person('Ada', 'desktop'), stage.person('Bo', 'phone')]);
  const room = unique('short');
  const dialog = ada.page.getByRole('dialog');
  await ada.page.getByRole('button', { name: 'Create a room' }).click();
  await dialog.getByLabel('Name').fill(room);
  await dialog.getByRole('button', { name: 'Create room' }).click();
  await ada.say('the first secret');
  await bo.page.getByRole('button', { name: 'Browse rooms' }).click();
  await bo.page.getByRole('dialog').getByLabel('Search rooms').fill(room);
  await bo.page.getByRole('button', { name: `Join ${room}` }).click();
  await bo.message('the first secret').waitFor();

  await ada.page.getByRole('button', { name: 'Room rules' }).click();
  await dialog.getByLabel('How long messages are kept').selectOption('For 30 days');
  await ada.shot('retention');
  expect(await violations(ada.page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await ada.page.getByText('Messages are kept for 30 days.').waitFor();
  await bo.page.getByText(`${ada.name} set how long messages are kept: 30 days`).waitFor();
  await bo.page.getByRole('button', { name: 'People' }).click();
  await bo.page.getByText('Messages are kept for 30 days.').waitFor();
  await bo.page.keyboard.press('Escape');

  // A reset needs the typed name of the room.
  await ada.page.getByRole('button', { name: 'Room rules' }).click();
  await dialog.getByRole('button', { name: 'Reset the room' }).click();
  const confirm = dialog.getByRole('button', { name: 'Remove all messages' });
  expect(await confirm.isDisabled()).toBe(true);
  await dialog.getByLabel('Name of the room').fill(room);
  await ada.shot('reset');
  expect(await violations(ada.page)).toEqual([]);
  await confirm.click();
  for (const person of [ada, bo]) {
    await person.message('the first secret').waitFor({ state: 'detached' });
    await person.page.getByText('removed all that was said here before').waitFor();
  }
  await ada.say('anew');
  await bo.message('anew').waitFor();
  await bo.page.reload();
  await bo.message('anew').waitFor();
  expect(await bo.page.getByText('the first secret').count()).toBe(0);
});

test('messages that retention removes disappear from an open page, and from quotes there', async () => {
  const [ada, bo] = await Promise.all([stage.person('Ada', 'desktop'), stage.person('Bo', 'desktop')]);
  const api = new Api(stage.server.url);
  const { token } = await api.login(ada.name, password);
  const name = unique('brief');
  const { id } = await api.createRoom(token, name, '', false);
  await ada.enter(name);
  await ada.say('number one');
  await ada.say('number two');
  await ada.act('number one', 'Reply');
  await ada.say('number three');
  await ada.message('number three').getByLabel(/^(Sent|Read by)/).waitFor();
  await api.join((await api.login(bo.name, password)).token, id);
  await bo.enter(name);
  await bo.message('number one').waitFor();
  await api.request('PATCH', `/v1/rooms/${id}`, token, { keep: '1 messages' });
  for (const person of [ada, bo]) {
    await person.message('number one').waitFor({ state: 'detached' });
    await person.message('number two').waitFor({ state: 'detached' });
    await person.message('number three').getByText('A message that cannot be found').waitFor();
  }
  await bo.shot('removed');
  await ada.say('number four');
  await bo.message('number four').waitFor();
});
