import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

test('a message is reported and deleted, and the room archived', async () => {
  const [ada, bo] = await Promise.all([stage.person('Ada', 'desktop'), stage.person('Bo', 'phone')]);
  const room = unique('shop');
  const dialog = ada.page.getByRole('dialog');
  await ada.page.getByRole('button', { name: 'Create a room' }).click();
  await dialog.getByLabel('Name').fill(room);
  await dialog.getByRole('button', { name: 'Create room' }).click();
  await ada.say('buy watches');
  await ada.say('welcome');
  await bo.page.getByRole('button', { name: 'Browse rooms' }).click();
  await bo.page.getByRole('dialog').getByLabel('Search rooms').fill(room);
  await bo.page.getByRole('button', { name: `Join ${room}` }).click();
  await bo.message('welcome').waitFor();

  await bo.act('buy watches', 'Report');
  await bo.page.getByRole('dialog').getByLabel('What there is to say').fill('again');
  await bo.shot('report');
  await bo.page.getByRole('dialog').getByRole('button', { name: 'Report' }).click();
  await bo.page.getByText('The people who look after the room will see it').waitFor();
  await bo.say('thanks');
  await ada.act('thanks', 'Report');
  await dialog.getByRole('button', { name: 'Report' }).click();

  // The owner sees reports about others, and none about themself.
  await ada.page.getByRole('button', { name: 'Moderation' }).click();
  await dialog.getByRole('button', { name: 'I look at it' }).click();
  await expect.poll(() => dialog.getByText('buy watches').count()).toBe(0);
  await dialog.getByLabel('Note or reason').fill('noise');
  await ada.shot('moderation');
  expect(await violations(ada.page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Delete message' }).click();
  await dialog.getByText('Nothing is reported').waitFor();
  await bo.message('thanks').waitFor({ state: 'detached' });
  await ada.page.keyboard.press('Escape');

  // A toast appears in the open dialog, not behind it.
  await bo.log.getByRole('button', { name: ada.name }).first().click();
  await ada.page.getByRole('button', { name: `Role and membership of ${bo.name}` }).click();
  await dialog.getByRole('button', { name: 'Mute…' }).click();
  await dialog.getByRole('button', { name: 'Mute', exact: true }).click();
  await bo.page.getByRole('dialog').getByText(`${ada.name} muted you for 1 hour (in ${room})`).waitFor();
  await bo.shot('told');
  await bo.page.keyboard.press('Escape');

  await ada.page.getByRole('button', { name: 'Room rules' }).click();
  await dialog.getByRole('button', { name: 'Archive the room' }).click();
  await bo.page.getByText('This room is archived').waitFor();
  await bo.touch('welcome');
  await bo.tools('welcome').getByRole('button', { name: 'Report' }).waitFor();
  await expect.poll(() => bo.tools('welcome').getByRole('button', { name: 'Reply' }).count()).toBe(0);
});

test('a reader can only read until the owner lets them write', async () => {
  const [ada, bo] = await Promise.all([stage.person('Ada', 'desktop'), stage.person('Bo', 'phone')]);
  const room = unique('news');
  const dialog = ada.page.getByRole('dialog');
  await ada.page.getByRole('button', { name: 'Create a room' }).click();
  await dialog.getByLabel('Name').fill(room);
  await dialog.getByRole('button', { name: 'Create room' }).click();
  await ada.say('welcome');
  await bo.page.getByRole('button', { name: 'Browse rooms' }).click();
  await bo.page.getByRole('dialog').getByLabel('Search rooms').fill(room);
  await bo.page.getByRole('button', { name: `Join ${room}` }).click();
  await bo.say('hello');

  const role = async (name: string) => {
    await ada.page.getByRole('button', { name: /^Role and membership of/ }).click();
    await dialog.getByRole('radio', { name: new RegExp(`^${name} Reads`) }).check();
    await ada.shot('roles');
    expect(await violations(ada.page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
  };
  await role('Reader');
  await bo.page.getByText('You are a reader here').waitFor();
  await bo.touch('welcome');
  await bo.tools('welcome').getByRole('button', { name: 'Report' }).waitFor();
  await expect.poll(() => bo.tools('welcome').getByRole('button', { name: /Reply|React/ }).count()).toBe(0);
  await bo.shot('reader');
  await bo.page.keyboard.press('Escape');
  await role('Member');
  await bo.say('thank you');

  // After a reload, too, the acts stand in their places, and do not count as new.
  await ada.page.getByRole('button', { name: 'Room rules' }).click();
  await dialog.getByRole('switch', { name: /Guests/ }).uncheck();
  await ada.shot('rules');
  expect(await violations(ada.page)).toEqual([]);
  const download = ada.page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Copy as JSON' }).click();
  expect((await download).suggestedFilename()).toBe(`${room}.jsonl`);
  const lines = readFileSync(await (await download).path(), 'utf8').trimEnd().split('\n').map((l) => JSON.parse(l) as Record<string, { text?: string }>);
  expect(lines[0]).toHaveProperty('export.room.name', room);
  expect(lines.flatMap((l) => l['message']?.text ?? [])).toEqual(['welcome', 'hello', 'thank you']);
  expect(lines.at(-1)).toHaveProperty('end.lines.message', 3);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await bo.page.getByText('closed this room to guests').waitFor();
  await ada.say('the end');
  await bo.message('the end').waitFor();
  await bo.page.reload();
  await bo.message('the end').waitFor();
  await bo.page.getByText('closed this room to guests').waitFor();
  await bo.page.getByText('made you a reader').waitFor();
  await bo.page.getByText('made you a member').waitFor();
  await bo.shot('acts');
});
