import { expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password, type Person } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

/** Puts people into a room together, so that they are no strangers to each other. */
async function acquaint(one: Person, other: Person): Promise<void> {
  const api = new Api(stage.server.url);
  const { token } = await api.login(one.name, password);
  const room = await api.createRoom(token, unique('Friends'), '', false);
  await api.join((await api.login(other.name, password)).token, room.id);
}

test('a group: known people join at once, a stranger gets a request, and its name follows its members', async () => {
  const ada = await stage.person('Ada', 'desktop');
  const bo = await stage.person('Bo', 'phone');
  const cy = await stage.person('Cy', 'desktop');
  await acquaint(ada, bo);
  await ada.page.getByRole('button', { name: 'New direct message' }).click();
  const dialog = ada.page.getByRole('dialog');
  for (const p of [bo, cy]) {
    await dialog.getByLabel('Find a person').fill(p.name);
    await dialog.getByRole('button', { name: `Add ${p.name}` }).click();
    await dialog.getByRole('button', { name: `Without ${p.name}` }).waitFor();
  }
  expect(await violations(ada.page)).toEqual([]);
  await ada.shot('group-dialog');
  await dialog.getByRole('button', { name: 'Talk with these 2' }).click();
  await ada.page.getByRole('heading', { level: 1, name: bo.name, exact: true }).waitFor();
  await ada.say('lunch?');

  const listed = bo.rooms.getByRole('link', { name: new RegExp(`^${ada.name}`) });
  await listed.getByText(/(^|\D)1\s*unread/).waitFor();
  await listed.click();
  await bo.message('lunch?').waitFor();
  await bo.say('yes!');

  await cy.page.getByRole('button', { name: /^Requests and invitations/ }).click();
  await cy.page.getByRole('dialog').getByRole('button', { name: `Join ${ada.name}, ${bo.name}` }).click();
  await cy.page.getByRole('heading', { level: 1, name: `${ada.name}, ${bo.name}` }).waitFor();
  await cy.message('yes!').waitFor();
  // Earlier members see that it has grown.
  await ada.page.getByRole('heading', { level: 1, name: `${bo.name}, ${cy.name}` }).waitFor();
  await ada.page.getByText('3 people').waitFor();
  await cy.say('me too');
  await ada.message('me too').waitFor();
  expect(await violations(ada.page)).toEqual([]);
  await ada.shot('group');
  await bo.message('me too').waitFor();
  await bo.shot('group');

  // The same people find the same group, and one can leave it.
  const id = new URL(ada.page.url()).hash;
  await bo.page.getByRole('button', { name: /^People/ }).click();
  await bo.page.getByRole('button', { name: 'Leave conversation' }).click();
  await bo.page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click();
  await ada.page.getByRole('heading', { level: 1, name: cy.name, exact: true }).waitFor();
  const api = new Api(stage.server.url);
  const { token } = await api.login(ada.name, password);
  const ids = await Promise.all([bo, cy].map(async (p) => (await api.users(token, p.name))[0]!.id));
  expect(id).toContain((await api.group(token, ids)).id);
});
