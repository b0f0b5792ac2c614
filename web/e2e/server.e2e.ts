import { expect, test as testIt } from 'vitest';
import { Api, HubbubError, type Grant } from '../src/client/index.ts';
import { password, Person, type Device } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

// It needs a server without an operator, and changes who may come in: not one that others use.
const test = testIt.skipIf(process.env['HUBBUB_URL'] !== undefined);
const stage = new Stage();
const name = unique('Boss');

/** The secret of the link with which a new server is set up. */
function link(): string {
  const secret = /#\/setup\/([\w-]+)/.exec(stage.server.output())?.[1];
  if (secret === undefined) throw new Error('the server does not tell its set-up link');
  return secret;
}

/** Returns the operator, logged in by the API. */
async function boss(): Promise<{ api: Api; grant: Grant }> {
  const api = new Api(stage.server.url);
  const grant = await api.login(name, password).catch((err: unknown) => {
    if (err instanceof HubbubError && err.status === 401) return api.setUp(link(), name, password);
    throw err;
  });
  return { api, grant };
}

/** Opens the server page. */
async function operator(device: Device): Promise<Person> {
  await boss();
  const p = await Person.again(stage.browser, stage.server.url, name, device);
  stage.people.push(p);
  return p;
}

/** Opens a section of the server page. */
async function part(p: Person, of: string): Promise<void> {
  const nav = p.page.getByRole('navigation', { name: 'Server' });
  if (!/#\/server/.test(p.page.url())) await p.rooms.getByRole('link', { name: 'Server' }).click();
  if (p.device === 'phone') await p.page.evaluate(() => void (location.hash = '#/server')); // the list of sections
  await nav.getByRole('link', { name: new RegExp(`^${of}`) }).click();
  await p.page.getByRole('heading', { level: 1, name: of }).waitFor();
}

/** Opens the page of a person. */
async function look(p: Person, at: string): Promise<void> {
  await part(p, 'People');
  await p.page.getByRole('searchbox', { name: 'Find people' }).fill(at.slice(2)); // a part of the name is enough
  await p.page.getByRole('list', { name: 'People' }).getByRole('link', { name: at }).click();
  await p.page.getByRole('heading', { level: 1, name: at }).waitFor();
}

test('a set-up link makes an operator, once', async () => {
  const secret = link();
  const p = await Person.open(stage.browser, `${stage.server.url}/#/setup/${secret}`, name, 'phone', { bypassCSP: true });
  stage.people.push(p);
  await p.page.getByRole('heading', { name: 'Set up this server' }).waitFor();
  expect(await violations(p.page)).toEqual([]);
  await p.shot('setup');
  await p.page.getByLabel('Name').fill(name);
  await p.page.getByLabel('Password').fill(password);
  await p.page.getByRole('button', { name: 'Run this server' }).click();
  await p.rooms.getByRole('link', { name: 'Server' }).click();
  await p.page.getByRole('navigation', { name: 'Server' }).getByRole('link', { name: 'Audit log' }).click();
  await p.page.getByRole('list', { name: 'Acts' }).getByText('Server set up').waitFor();

  const late = await Person.open(stage.browser, `${stage.server.url}/#/setup/${secret}`, unique('Late'), 'desktop', { bypassCSP: true });
  stage.people.push(late);
  await late.page.getByLabel('Name').fill(late.name);
  await late.page.getByLabel('Password').fill(password);
  await late.page.getByRole('button', { name: 'Run this server' }).click();
  await late.page.getByRole('alert').getByText(/link was used already/).waitFor();
});

test('people are found, given roles, muted, banned, signed out and deleted', async () => {
  const [op, eve] = [await operator('desktop'), await stage.person('Eve', 'phone')];
  const dialog = op.page.getByRole('dialog');
  const act = (button: string | RegExp) => op.page.getByRole('main').getByRole('button', { name: button }).click();
  // The last operator cannot be removed.
  await look(op, name);
  await act('Change role');
  await dialog.getByRole('radio', { name: 'No role' }).check();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('alert').getByText(/last operator/).waitFor();
  await op.page.keyboard.press('Escape');

  await look(op, eve.name);
  await act('Change role');
  await dialog.getByRole('radio', { name: 'Auditor' }).check();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await op.page.getByRole('main').locator('.badge', { hasText: 'Auditor' }).waitFor();
  await eve.page.reload();
  await eve.rooms.getByRole('link', { name: 'Server' }).click();
  await eve.page.getByText('You are an auditor').waitFor();
  await expect.poll(() => eve.page.getByRole('navigation', { name: 'Server' }).getByRole('link').allInnerTexts()).toEqual(['', 'People', 'Bans and mutes', 'Rooms', 'Audit log']);
  expect(await violations(eve.page)).toEqual([]);
  await eve.shot('server-auditor');
  await eve.page.getByRole('link', { name: 'Audit log' }).click();
  await eve.page.getByRole('list', { name: 'Acts' }).getByText('Role on the server changed').first().waitFor();
  await eve.page.goto(`${stage.server.url}/#/server/reports`);
  await eve.page.getByRole('heading', { name: 'This is for operators' }).waitFor();
  await eve.page.goto(`${stage.server.url}/#/`);
  await act('Change role');
  await dialog.getByRole('radio', { name: 'No role' }).check();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await op.page.getByRole('main').locator('.badge', { hasText: 'Auditor' }).waitFor({ state: 'detached' });

  await act('Disable');
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await op.page.getByText('Not logged in.').waitFor();
  await eve.page.getByText('You were logged out by the server.').first().waitFor();
  await act('Enable');
  await dialog.getByRole('button', { name: 'Enable' }).click();
  await op.page.getByRole('main').getByRole('button', { name: 'Disable' }).waitFor();
  await new Api(stage.server.url).login(eve.name, password);
  await op.page.reload();
  await act('Sign out everywhere');
  await dialog.getByRole('button', { name: 'Sign out' }).click();
  await op.page.getByText('Not logged in.').waitFor();

  await act('Mute');
  await dialog.getByLabel('Reason').fill('too loud');
  await dialog.getByRole('button', { name: 'Mute' }).click();
  await op.page.getByText('too loud').waitFor();
  await act('Make a link');
  await dialog.getByRole('button', { name: 'Make a link' }).click();
  await expect.poll(() => dialog.getByLabel('The link').inputValue()).toMatch(new RegExp(`^${stage.server.url}/#/reset/[\\w-]{20,}$`));
  await op.shot('server-link');
  await op.page.keyboard.press('Escape');
  await op.shot('server-person');
  expect(await violations(op.page)).toEqual([]);

  await act('Ban');
  await dialog.getByLabel('For how long').selectOption('7 days');
  await dialog.getByLabel('Reason').fill('much too loud');
  await op.shot('server-ban');
  await dialog.getByRole('button', { name: 'Ban' }).click();
  await op.page.getByText('much too loud').waitFor();
  await op.page.getByText('Not logged in.').waitFor();
  await part(op, 'Bans and mutes');
  await op.page.getByRole('list', { name: 'People who are muted' }).getByText('too loud').waitFor();
  await op.shot('server-bans');
  await op.page.getByRole('list', { name: 'People who are banned' }).getByRole('button', { name: `Unban ${eve.name}` }).click();
  await op.page.getByText('Nobody is banned from the server.').waitFor();

  await look(op, eve.name);
  await act('Delete');
  await dialog.getByRole('button', { name: 'Delete for ever' }).click();
  await op.page.getByText('There is no such person any more').waitFor();
  await op.page.goBack(); // to the search that found them
  await op.page.getByText('Nobody here has that name.').waitFor();
});

test('a report is read with the messages around it, and resolved', async () => {
  const [op, ada, eve] = [await operator('phone'), await stage.person('Ada', 'desktop'), await stage.person('Eve', 'desktop')];
  const dialog = op.page.getByRole('dialog');
  const text = unique('buy my watches');
  await eve.enter('random');
  await eve.say(text);
  await ada.enter('random');
  await ada.say('who is that?');
  await ada.act(text, 'Report');
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Report' }).click();
  await ada.page.getByText('The people who look after the room will see it').waitFor();

  await part(op, 'Reports');
  const report = op.page.getByRole('article', { name: `Report about ${eve.name}` });
  await report.getByRole('button', { name: 'Show what was said around it' }).click();
  await report.getByRole('list', { name: 'What was said' }).getByText('who is that?').waitFor();
  await report.getByRole('button', { name: 'I look at it' }).click();
  await report.getByText('You look at it.').waitFor();
  expect(await violations(op.page)).toEqual([]);
  await op.shot('server-report');
  await report.getByRole('button', { name: 'Decide' }).click();
  await dialog.getByRole('radio', { name: 'Remove messages of the author' }).check();
  await dialog.getByLabel('Reason').fill('advertising');
  await op.shot('server-decide');
  expect(await violations(op.page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Resolve' }).click();
  await op.page.getByText('Nothing is reported.').waitFor();
  await ada.message(text).waitFor({ state: 'detached' });
  await op.page.getByRole('link', { name: 'Resolved' }).click();
  await op.page.getByRole('article', { name: `Report about ${eve.name}` }).getByText('Messages of the author removed').waitFor();
  await op.page.goBack();
  await op.page.getByText('Nothing is reported.').waitFor();

  // If two operators resolve it at once, the second sees an error.
  const { api, grant } = await boss();
  await ada.say('and now?');
  await eve.act('and now?', 'Report');
  await eve.page.getByRole('dialog').getByRole('button', { name: 'Report' }).click();
  await eve.page.getByText('The people who look after the room will see it').waitFor();
  await op.page.reload();
  await op.page.getByRole('article', { name: `Report about ${ada.name}` }).getByRole('button', { name: 'Decide' }).click();
  const { id } = (await api.request('GET', '/v1/reports', grant.token) as { reports: { id: string }[] }).reports[0]!;
  await api.request('POST', `/v1/reports/${id}/resolve`, grant.token, { outcome: 'dismiss' });
  await dialog.getByRole('button', { name: 'Resolve' }).click();
  await dialog.getByRole('alert').getByText(/resolved already|meanwhile/).waitFor();
  await op.page.keyboard.press('Escape');
  await op.page.getByText('Nothing is reported.').waitFor();
});

test('people register by an invitation while registration needs one', async () => {
  const op = await operator('desktop');
  const dialog = op.page.getByRole('dialog');
  const change = async (registration: string, guests: string) => {
    await op.page.getByRole('button', { name: 'Change' }).click();
    await dialog.getByLabel('Registration').selectOption(registration);
    await dialog.getByLabel('Guests').selectOption(guests);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'hidden' });
  };
  await part(op, 'Who may come in');
  await op.page.getByText('Everybody may register').waitFor();
  await change('With an invitation only', 'No guests');
  await op.page.getByText('With an invitation only').waitFor();
  await op.page.getByRole('button', { name: 'New invitation' }).click();
  await dialog.getByLabel('Note').fill('for the choir');
  await dialog.getByRole('button', { name: 'Make a link' }).click();
  const invitation = await dialog.getByLabel('The link').inputValue();
  expect(await violations(op.page)).toEqual([]);
  await op.page.keyboard.press('Escape');
  await op.page.getByRole('list', { name: 'Invitations' }).getByText('0 of 1 used').waitFor();
  await op.shot('server-invitations');
  expect(await violations(op.page)).toEqual([]);

  const uninvited = await Person.open(stage.browser, stage.server.url, unique('Una'), 'phone', { bypassCSP: true });
  stage.people.push(uninvited);
  await uninvited.page.getByRole('button', { name: 'Log in' }).waitFor();
  await uninvited.page.getByRole('heading', { name: 'Welcome', exact: true }).waitFor(); // and does not return
  await expect.poll(() => uninvited.page.getByRole('button', { name: 'Create an account' }).count()).toBe(0);

  const invited = await Person.open(stage.browser, invitation, unique('Ivy'), 'phone', { bypassCSP: true });
  stage.people.push(invited);
  await invited.page.getByText(new RegExp(name)).waitFor(); // the inviting operator
  await invited.shot('invited');
  expect(await violations(invited.page)).toEqual([]);
  await invited.page.getByLabel('Name').fill(invited.name);
  await invited.page.getByLabel('Password').fill(password);
  await invited.page.getByRole('button', { name: 'Create account' }).click();
  await invited.rooms.getByRole('link').first().waitFor();
  await expect.poll(() => invited.rooms.getByRole('link', { name: 'Server' }).count()).toBe(0);

  // The invitation was for one person.
  const late = await Person.open(stage.browser, invitation, unique('Late'), 'desktop', { bypassCSP: true });
  stage.people.push(late);
  await late.page.getByText(/used by as many as it was for/).waitFor();

  await op.page.reload();
  await op.page.getByRole('list', { name: 'Invitations' }).getByText('1 of 1 used').waitFor();
  await op.page.getByText('Used up').waitFor();
  await change('Everybody may register', 'Guests may come in');
});

test('a room of guests that is gone can be taken out of the choice', async () => {
  const op = await operator('desktop');
  const { api, grant } = await boss();
  const room = await api.createRoom(grant.token, unique('Foyer'), '', false);
  await part(op, 'Who may come in');
  const dialog = op.page.getByRole('dialog');
  await op.page.getByRole('button', { name: 'Change' }).click();
  await dialog.getByLabel('Guests').selectOption({ index: 1 });
  await dialog.getByRole('checkbox', { name: 'Lobby' }).check();
  await dialog.getByRole('checkbox', { name: room.name }).check();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await api.deleteRoom(grant.token, room.id, room.name);
  await op.page.reload();
  await op.page.getByText('a deleted room').waitFor();
  await op.page.getByRole('button', { name: 'Change' }).click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText(`There is no public room "${room.id}": it was deleted or made private, so leave it out.`).waitFor();
  await op.shot('server-guest-rooms');
  await dialog.getByRole('checkbox', { name: 'a deleted room' }).uncheck();
  await dialog.getByLabel('Guests').selectOption({ index: 0 });
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'hidden' });
});

test('a network is banned, and one\'s own only after a confirmation', async () => {
  const op = await operator('phone');
  const dialog = op.page.getByRole('dialog');
  await part(op, 'Bans and mutes');
  const ban = async (network: string) => {
    await op.page.getByRole('button', { name: 'Ban a network' }).click();
    await dialog.getByLabel('Network').fill(network);
    await dialog.getByRole('button', { name: 'Ban' }).click();
  };
  await ban('203.0.113.0/33');
  await dialog.getByRole('alert').getByText(/is no network|not a network/).waitFor();
  await op.page.keyboard.press('Escape');
  await ban('203.0.113.0/24');
  await op.page.getByRole('list', { name: 'Banned networks' }).getByText('203.0.113.0/24').waitFor();
  await ban('127.0.0.1');
  await dialog.getByRole('alert').getByText(/in that network yourself/).waitFor();
  await op.shot('server-network');
  expect(await violations(op.page)).toEqual([]);
  await dialog.getByRole('checkbox', { name: 'Ban it although I am in it' }).check();
  await dialog.getByRole('button', { name: 'Ban' }).click();
  const mine = op.page.getByRole('button', { name: 'Unban 127.0.0.1/32' });
  await mine.click();
  await mine.waitFor({ state: 'detached' });
  await op.page.getByRole('button', { name: 'Unban 203.0.113.0/24' }).click();
  await op.page.getByText('No network is banned.').waitFor();
});

test('a public room is archived, restored and deleted', async () => {
  const [op, ada] = [await operator('desktop'), await stage.person('Ada', 'desktop')];
  const room = unique('attic');
  await ada.page.getByRole('button', { name: 'Create a room' }).click();
  await ada.page.getByRole('dialog').getByLabel('Name').fill(room);
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Create room' }).click();
  await ada.field.waitFor();

  const dialog = op.page.getByRole('dialog');
  await part(op, 'Rooms');
  await op.page.getByRole('searchbox', { name: 'Find rooms' }).fill(room.slice(2));
  await op.page.getByRole('button', { name: `Archive ${room}` }).click();
  await dialog.getByRole('button', { name: 'Archive' }).click();
  await op.page.getByText('No room here has that name.').waitFor();
  await ada.page.getByText('This room is archived').waitFor();
  await op.page.getByRole('link', { name: 'Archived' }).click();
  await op.page.getByRole('button', { name: `Restore ${room}` }).click();
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await op.page.getByText('No room here has that name.').waitFor();
  await op.page.goBack();
  await op.page.getByRole('button', { name: `Delete ${room}` }).click();
  await dialog.getByLabel('Name of the room').fill(room);
  await dialog.getByRole('button', { name: 'Delete for ever' }).click();
  await op.page.getByText('No room here has that name.').waitFor();
  await ada.room(room).waitFor({ state: 'detached' });
});

test('the address filters the audit log, which can be exported', async () => {
  const op = await operator('desktop');
  const eve = await stage.person('Eve', 'phone');
  await part(op, 'Audit log');
  const acts = op.page.getByRole('list', { name: 'Acts' });
  await acts.getByText('Account created').first().waitFor();
  await op.page.getByLabel('What').selectOption('Account created');
  await op.page.getByText('Show everything').waitFor();
  await op.page.getByLabel('To whom').fill(eve.name);
  await op.page.getByLabel('To whom').press('Tab');
  await expect.poll(() => op.page.url()).toContain(`subject=`);
  await expect.poll(() => acts.getByRole('listitem').count()).toBe(1);
  await op.page.goBack();
  await expect.poll(() => op.page.getByLabel('To whom').inputValue()).toBe('');
  await op.page.goForward();
  await expect.poll(() => op.page.getByLabel('To whom').inputValue()).toBe(eve.name);
  await op.page.getByLabel('Who', { exact: true }).fill('nobody-at-all');
  await op.page.getByLabel('Who', { exact: true }).press('Tab');
  await op.page.getByText('Nobody has that name.').waitFor();
  await op.page.getByLabel('Who', { exact: true }).fill('');
  expect(await violations(op.page)).toEqual([]);
  const download = op.page.waitForEvent('download');
  await op.page.getByRole('button', { name: 'Export' }).click();
  const file = await (await download).createReadStream();
  const lines = Buffer.concat(await file.toArray()).toString().trim().split('\n').map((l) => JSON.parse(l) as { action: string; subject_name: string });
  expect(lines.map((l) => [l.action, l.subject_name])).toEqual([['account.create', eve.name]]);
});

test.each(['desktop', 'phone'] as const)('every section works on a %s, and by the keyboard', async (device) => {
  const op = await operator(device);
  for (const of of ['People', 'Reports', 'Who may come in', 'Bans and mutes', 'Rooms', 'Audit log']) {
    await part(op, of);
    await expect.poll(() => op.page.getByText('Looking…').count()).toBe(0);
    await op.shot(`server-${of.toLowerCase().replaceAll(' ', '-')}`);
    expect(await violations(op.page)).toEqual([]);
    expect(await op.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  }
  await look(op, name);
  await op.shot('server-me');
  expect(await violations(op.page)).toEqual([]);
  await part(op, 'Audit log');
  if (device === 'phone') await op.page.getByRole('link', { name: 'Back to Server' }).click();
  await op.shot('server-menu');
  const people = op.page.getByRole('navigation', { name: 'Server' }).getByRole('link', { name: 'People' });
  await people.focus();
  await op.page.keyboard.press('Enter');
  await op.page.getByRole('heading', { level: 1, name: 'People' }).waitFor();
  if (device === 'phone') await expect.poll(() => op.page.evaluate(() => document.activeElement?.textContent)).toBe('People'); // the list is gone
  // Back leads to the previous place.
  await op.page.goBack();
  await op.page.getByRole('heading', { level: 1, name: device === 'phone' ? 'Server' : 'Audit log' }).waitFor();
  await op.page.goto(`${stage.server.url}/#/`);
  await op.rooms.getByRole('link', { name: 'Server' }).waitFor();
});
