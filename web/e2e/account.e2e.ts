import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { password, type Person } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

/** Opens the settings of the account at a tab. */
async function settings(p: Person, tab: string) {
  await p.leaveRoom();
  await p.page.getByRole('button', { name: /Your account/ }).click();
  const dialog = p.page.getByRole('dialog');
  await dialog.getByRole('tab', { name: tab }).click();
  return dialog;
}

test('log-ins are seen and ended, and the password is changed', async () => {
  const ada = await stage.person('Ada', 'desktop');
  const phone = await stage.again(ada, 'phone');
  let dialog = await settings(phone, 'Devices');
  await expect.poll(() => dialog.getByRole('listitem').count()).toBe(2);
  await dialog.getByText('This device').waitFor();
  await phone.shot('account-devices');

  dialog = await settings(ada, 'Devices');
  await dialog.getByRole('listitem').first().waitFor();
  expect(await violations(ada.page)).toEqual([]);
  await ada.shot('account-devices');
  await dialog.getByRole('button', { name: /^Log out \w+/ }).first().click();
  await phone.rooms.getByText('You were logged out by the server.').waitFor();
  await phone.page.keyboard.press('Escape');
  await phone.rooms.getByRole('button', { name: 'Log in again' }).click();
  await expect.poll(() => dialog.getByRole('listitem').count()).toBe(1);

  await dialog.getByRole('tab', { name: 'Devices' }).press('ArrowLeft'); // by the keyboard
  await dialog.getByLabel('Current password').fill('not that one');
  await dialog.getByLabel('New password').fill('another horse battery');
  await dialog.getByRole('button', { name: 'Change password' }).click();
  await dialog.getByRole('alert').getByText('the current password is wrong').waitFor();
  expect(await violations(ada.page)).toEqual([]);
  await ada.shot('account-password');
  await dialog.getByLabel('Current password').fill(password);
  await dialog.getByRole('button', { name: 'Change password' }).click();
  await dialog.getByText('Your password was changed.').waitFor();

  await phone.page.getByLabel('Name').fill(ada.name);
  await phone.page.getByLabel('Password').fill(password);
  await phone.page.getByRole('button', { name: 'Log in' }).click();
  await phone.page.getByText('the name or the password is wrong').waitFor();
  await phone.page.getByLabel('Password').fill('another horse battery');
  await phone.page.getByRole('button', { name: 'Log in' }).click();
  await phone.rooms.getByRole('link').first().waitFor();
});

test('a page of the release before moves its refresh token into a cookie, and a log-out ends it', async () => {
  const ada = await stage.person('Ada', 'desktop'); // with the token in localStorage, as earlier releases kept it
  const { page } = ada;
  const kept = () => page.evaluate(() => Object.entries(localStorage).filter(([k]) => k.startsWith('hubbub.session')).map(([, v]) => v).join());
  const cookies = async () => (await page.context().cookies(`${stage.server.url}/v1/refresh`)).filter((c) => c.name.includes('hubbub_refresh'));
  expect(await kept()).toContain('refreshToken');
  await page.evaluate(() => {
    for (const [key, value] of Object.entries(localStorage)) {
      if (key.startsWith('hubbub.session')) localStorage.setItem(key, JSON.stringify({ ...JSON.parse(value), expiresAt: 0 }));
    }
  });
  await page.reload();
  await ada.rooms.getByRole('link').first().waitFor();
  await expect.poll(kept).not.toContain('refreshToken');
  const [cookie] = await cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/v1/refresh' });
  expect(await page.context().cookies(`${stage.server.url}/v1/ws`)).not.toContainEqual(cookie);

  await page.evaluate(() => {
    for (const [key, value] of Object.entries(localStorage)) {
      if (key.startsWith('hubbub.session')) localStorage.setItem(key, JSON.stringify({ ...JSON.parse(value), expiresAt: 0 }));
    }
  });
  await page.reload(); // now the cookie logs in
  await ada.rooms.getByRole('link').first().waitFor();
  await expect.poll(async () => (await cookies())[0]?.value).not.toBe(cookie!.value);

  await page.getByRole('button', { name: /Your account/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Log out', exact: true }).click();
  await page.getByLabel('Password').waitFor();
  await expect.poll(cookies).toEqual([]);
});

test('privacy settings are kept after the dialog closes', async () => {
  const ada = await stage.person('Ada', 'phone');
  const bob = await stage.person('Bob', 'desktop');
  let dialog = await settings(ada, 'Privacy');
  const group = (question: RegExp) => dialog.getByRole('group', { name: question });
  await group(/last here/).getByRole('radio', { name: 'Nobody' }).check();
  await group(/add me to rooms/).getByRole('radio', { name: 'People I share a room with' }).check();
  await group(/direct messages/).getByRole('radio', { name: 'Nobody' }).check();
  await dialog.getByRole('checkbox', { name: /find me/ }).uncheck();
  await dialog.getByText('Saved').waitFor();
  await ada.shot('account-privacy');
  await ada.page.keyboard.press('Escape');
  dialog = await settings(ada, 'Privacy');
  await group(/last here/).getByRole('radio', { name: 'Nobody', checked: true }).waitFor();
  await group(/add me to rooms/).getByRole('radio', { name: 'People I share a room with', checked: true }).waitFor();
  await group(/direct messages/).getByRole('radio', { name: 'Nobody', checked: true }).waitFor();
  expect(await violations(ada.page)).toEqual([]);
  await expect.poll(() => dialog.getByRole('checkbox', { name: /find me/ }).isChecked()).toBe(false);

  await bob.page.getByRole('button', { name: 'New direct message' }).click();
  await bob.page.getByRole('dialog').getByRole('searchbox').fill(ada.name);
  await bob.page.getByRole('dialog').getByText('Nobody else has that name.').waitFor();
});

test('an account is exported and deleted', async () => {
  const ada = await stage.person('Ada', 'phone');
  await ada.enter('lobby');
  await ada.say('to be taken along');
  await ada.message('to be taken along').waitFor();
  const bob = await stage.person('Bob', 'desktop');
  await bob.enter('lobby');
  await bob.page.getByText(ada.name).first().waitFor();
  const dialog = await settings(ada, 'Data');
  const take = async () => {
    const download = ada.page.waitForEvent('download');
    await dialog.getByRole('button', { name: 'Download my data' }).click();
    expect((await download).suggestedFilename()).toBe(`hubbub-${ada.name}.json`);
    const data = JSON.parse(readFileSync(await (await download).path(), 'utf8')) as { account: { name: string }; messages: { text: string }[] };
    return [data.account.name, ...data.messages.map((m) => m.text)];
  };
  await expect.poll(take, { interval: 2_000, timeout: 15_000 }).toEqual([ada.name, 'to be taken along']); // once history has stored it
  await dialog.getByLabel('Password').fill('not that one');
  await dialog.getByRole('button', { name: 'Delete my account' }).click();
  await dialog.locator('form').getByRole('alert').waitFor();
  expect(await violations(ada.page)).toEqual([]);
  await ada.shot('account-data');
  await dialog.getByLabel('Password').fill(password);
  await dialog.getByRole('button', { name: 'Delete my account' }).click();
  await ada.page.getByLabel('Name').fill(ada.name);
  await ada.page.getByLabel('Password').fill(password);
  await ada.page.getByRole('button', { name: 'Log in' }).click();
  await ada.page.getByText('the name or the password is wrong').waitFor();
  // Messages of hers that stay no longer have her name, for people who see them now or later.
  const log = bob.page.getByRole('log');
  await bob.page.reload();
  await bob.message('to be taken along').waitFor();
  await bob.page.getByText('Deleted account').first().waitFor();
  await expect.poll(() => log.getByText(ada.name).count()).toBe(0);
});

test('a link for a new password leads to its form, and says if it is no longer valid', async () => {
  const ada = await stage.person('Ada', 'phone');
  await ada.page.goto(`${stage.server.url}/#/reset/abc-DEF_1`);
  await ada.page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
  await ada.page.getByLabel('New password').fill('another horse battery');
  await ada.page.getByRole('button', { name: 'Set password' }).click();
  await ada.page.getByRole('alert').getByText(/This link was used, is too old/).waitFor();
  expect(await violations(ada.page)).toEqual([]);
  await ada.shot('account-reset');
  await ada.page.getByRole('link', { name: 'Not now' }).click();
  await ada.rooms.getByRole('link').first().waitFor();
});

test.skipIf(process.env['HUBBUB_URL'])('a forgotten password is reset by mail to a confirmed address', async () => {
  const ada = await stage.person('Ada', 'phone');
  const address = `${ada.name}@example.org`;
  const { page } = ada;
  let dialog = await settings(ada, 'Password');
  const form = dialog.getByRole('form', { name: 'Mail address' });
  await form.getByLabel('Mail address', { exact: true }).fill(address);
  await form.getByLabel('Your password').fill('not that one');
  await form.getByRole('button', { name: 'Send a link to confirm' }).click();
  await form.getByRole('alert').waitFor();
  await form.getByLabel('Your password').fill(password);
  await form.getByRole('button', { name: 'Send a link to confirm' }).click();
  await form.getByText('A link was sent to').waitFor();
  expect(await violations(page)).toEqual([]);
  await ada.shot('account-mail');
  await expect.poll(() => stage.mailbox.link(address, 'Confirm')).toBeDefined();
  await page.keyboard.press('Escape');
  // The dialog removes its entry from the history: a pending step back would undo the navigation to
  // the link.
  await expect.poll(() => page.evaluate(() => (history.state as { layer?: string } | null)?.layer)).toBeUndefined();
  await page.goto(stage.mailbox.link(address, 'Confirm')!);
  await page.getByRole('button', { name: 'This is my mail address' }).click();
  await page.getByRole('status').getByText(address).waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('link', { name: 'Go on' }).click();
  dialog = await settings(ada, 'Password');
  await dialog.getByText(address).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /Your account/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Log out', exact: true }).click();

  await page.getByRole('button', { name: 'Forgot password?' }).click();
  await page.getByLabel('Name or mail address').fill(address.toUpperCase());
  expect(await violations(page)).toEqual([]);
  await ada.shot('account-forgot');
  await page.getByRole('button', { name: 'Send the link' }).click();
  await page.getByText('If this account exists').waitFor();
  await expect.poll(() => stage.mailbox.link(address, 'A new password')).toBeDefined();
  await page.goto(stage.mailbox.link(address, 'A new password')!);
  await page.getByLabel('New password').fill('another horse battery');
  await page.getByRole('button', { name: 'Set password' }).click();
  await page.getByText('Your password was changed').waitFor();
  await page.getByRole('link', { name: 'Go on' }).click();
  await page.getByLabel('Name').fill(ada.name);
  await page.getByLabel('Password').fill('another horse battery');
  await page.getByRole('button', { name: 'Log in' }).click();
  await ada.rooms.getByRole('link').first().waitFor();
});

test('a guest registers and keeps rooms and messages', async () => {
  const ada = await stage.newcomer('Ada', 'phone', 'guest');
  const bob = await stage.person('Bob', 'desktop');
  await ada.enter('lobby');
  await bob.enter('lobby');
  await ada.say('I came to stay');
  await bob.message('I came to stay').waitFor();
  const dialog = await settings(ada, 'Keep account');
  const name = await dialog.getByLabel('Name').inputValue();
  expect(ada.name.startsWith(name.slice(0, 3))).toBe(true);
  await dialog.getByLabel('Name').fill(bob.name);
  await dialog.getByLabel('Password').fill(password);
  await dialog.getByRole('button', { name: 'Keep this account' }).click();
  await dialog.getByRole('alert').getByText('That name is taken').waitFor();
  expect(await violations(ada.page)).toEqual([]);
  await ada.shot('account-keep');
  const kept = unique('Ada');
  await dialog.getByLabel('Name').fill(kept);
  await dialog.getByRole('button', { name: 'Keep this account' }).click();
  await ada.page.getByText('This account is yours now').waitFor();
  await ada.enter('lobby');
  await ada.message('I came to stay').waitFor();
  await ada.say('and here I am');
  await bob.message('and here I am').waitFor();
  await bob.page.getByText(kept).first().waitFor();
  expect(await (await settings(ada, 'Password')).getByText('Registered').count()).toBe(1);
});
