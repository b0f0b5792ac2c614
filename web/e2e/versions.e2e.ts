import { expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password, type Device, type Person } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();
const dialog = (p: Person) => p.page.getByRole('dialog', { name: 'Edit history' });
const versions = (p: Person) => dialog(p).getByRole('listitem');

test.each<Device>(['desktop', 'phone'])('the versions of a message are shown, and follow further edits, on a %s', async (device) => {
  const [ada, bo] = await Promise.all([stage.person('Ada', 'desktop'), stage.person('Bo', device)]);
  const api = new Api(stage.server.url);
  const { token } = await api.login(ada.name, password);
  const name = unique('Plans');
  const { id } = await api.createRoom(token, name, '', false);
  await api.join((await api.login(bo.name, password)).token, id);
  await ada.enter(name);
  await bo.enter(name);
  const [one, two, three] = ['We meet on Monday at two, at the old mill', 'We meet on Tuesday at two, at the old mill', 'We meet on Tuesday at three, at the mill'] as const;
  await ada.say(one);
  await ada.message(one).getByLabel(/^(Sent|Read by)/).waitFor();
  await ada.edit(one, two);

  await bo.message(two).getByRole('button', { name: '(edited)' }).click();
  await expect.poll(() => versions(bo).count()).toBe(2);
  expect(await versions(bo).nth(0).locator('ins').allTextContents()).toEqual(['Tuesday']);
  expect(await versions(bo).nth(0).locator('del').allTextContents()).toEqual(['Monday']);
  await versions(bo).nth(1).getByText(one).waitFor();
  await versions(bo).nth(1).getByText('Original').waitFor();
  await ada.edit(two, three);
  await expect.poll(() => versions(bo).count()).toBe(3);
  expect(await versions(bo).nth(0).locator('ins').allTextContents()).toEqual(['three']);
  await bo.shot('versions');
  expect(await violations(bo.page)).toEqual([]);
  await bo.page.keyboard.press('Escape');
  await dialog(bo).waitFor({ state: 'hidden' });

  // By keyboard: from the message to the elements in it.
  if (device === 'desktop') {
    await bo.message(three).focus();
    await bo.page.keyboard.press('ArrowRight'); // the author
    await bo.page.keyboard.press('ArrowRight');
    await expect.poll(() => bo.message(three).getByRole('button', { name: '(edited)' }).evaluate((e) => e === document.activeElement)).toBe(true);
    await bo.page.keyboard.press('Enter');
  } else await bo.message(three).getByRole('button', { name: '(edited)' }).tap();
  await expect.poll(() => versions(bo).count()).toBe(3);

  // An owner turns versions off: an open dialog closes, and the mark is no longer a button.
  await ada.page.getByRole('button', { name: 'Room rules' }).click();
  await ada.page.getByRole('switch', { name: /^Edit history/ }).click();
  await ada.page.getByText('Nobody sees what messages said before').waitFor();
  await ada.shot('versions-rules');
  expect(await violations(ada.page)).toEqual([]);
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await dialog(bo).getByText('Earlier texts are not shown in this room.').waitFor();
  expect(await versions(bo).count()).toBe(1);
  await bo.shot('versions-off');
  await bo.page.keyboard.press('Escape');
  await bo.page.getByText(`${ada.name} turned edit history off`).waitFor();
  await bo.message(three).getByText('(edited)').waitFor();
  expect(await bo.message(three).getByRole('button', { name: '(edited)' }).count()).toBe(0);

  // On again, it shows the versions from then on.
  await ada.page.getByRole('button', { name: 'Room rules' }).click();
  await ada.page.getByRole('switch', { name: /^Edit history/ }).click();
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await bo.page.getByText(`${ada.name} turned edit history on`).waitFor();
  await ada.edit(three, one);
  await bo.message(one).getByRole('button', { name: '(edited)' }).click();
  await dialog(bo).getByText('Earlier texts are not shown in this room.').waitFor();
  expect(await versions(bo).count()).toBe(1);
  await ada.edit(one, two);
  await expect.poll(() => versions(bo).count()).toBe(2);
  await ada.act(two, 'Delete');
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await dialog(bo).getByText('Message deleted').waitFor();
  expect(await versions(bo).count()).toBe(0);
});
