import { expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password, type Person } from './browser.ts';
import { Stage } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage('', () => Promise.resolve(['--directory-digest-after', '10s']));

/** Gives an account a mail address, and confirms it as the link in the mail does. */
async function withMail(api: Api, token: string, address: string): Promise<void> {
  await api.request('PUT', '/v1/mail', token, { address, password });
  await expect.poll(() => stage.mailbox.link(address, 'Confirm')).toBeDefined();
  await api.request('POST', '/v1/mail/confirm', undefined, { secret: stage.mailbox.link(address, 'Confirm')!.split('/').at(-1) });
}

async function settings(p: Person) {
  await p.page.getByRole('button', { name: /Your account and status/ }).click();
  const dialog = p.page.getByRole('dialog');
  await dialog.getByRole('tab', { name: 'Notifications' }).click();
  return dialog;
}

test.skipIf(process.env['HUBBUB_URL'])('users who are away get mail digests as often as they choose, until a link in one ends them', async () => {
  const phone = await stage.person('Ada', 'phone');
  const bob = await stage.person('Bob', 'desktop');
  await bob.enter('random');
  await bob.say(`@${phone.name} come and see`);
  await phone.room('random').getByText('come and see').waitFor();
  let dialog = await settings(phone);
  await dialog.getByText(/^Add a mail address to your account/).waitFor();
  await phone.page.keyboard.press('Escape');

  const api = new Api(stage.server.url);
  const { token } = await api.login(phone.name, password);
  const chosen = async () => ((await api.preferences(token)).values['notify'] as Record<string, unknown> | undefined)?.['mail'];
  await withMail(api, token, `${phone.name}@example.org`);
  const desktop = await stage.again(phone, 'desktop');
  for (const ada of [desktop, phone]) {
    dialog = await settings(ada);
    const often = dialog.getByLabel('Mail about what you missed');
    await often.scrollIntoViewIfNeeded();
    await dialog.getByText(`${phone.name}@example.org`).waitFor();
    expect(await violations(ada.page)).toEqual([]);
    await often.selectOption('At most once an hour');
    await expect.poll(chosen).toBe('hourly');
    await ada.shot('digest-settings');
    await often.selectOption('As the server has it (At most once a day)');
    await expect.poll(chosen).toBeUndefined();
    await ada.page.goto('about:blank');
  }

  // Another address starts the time to look at the page again.
  const address = `${phone.name}@example.net`;
  await withMail(api, token, address);
  await expect.poll(() => stage.mailbox.link(address, '', 'digests/'), { timeout: 60_000, interval: 500 }).toBeDefined();
  await phone.page.goto(stage.mailbox.link(address, '', 'room/')!);
  await phone.message(`@${phone.name} come and see`).waitFor();

  // Some mail servers open links to look at them.
  const stop = stage.mailbox.link(address, '', 'digests/')!;
  for (const ada of [desktop, phone]) {
    await ada.page.goto('about:blank');
    await ada.page.goto(stop);
    await ada.page.getByRole('button', { name: 'Stop these mails' }).waitFor();
    expect(await violations(ada.page)).toEqual([]);
    await ada.shot('digest-stop');
  }
  expect(await chosen()).toBeUndefined();
  await phone.page.getByRole('button', { name: 'Stop these mails' }).click();
  await phone.page.getByRole('status').getByText('You get no more of these mails').waitFor();
  expect(await chosen()).toBe('never');
  await phone.shot('digest-stopped');
  await phone.page.getByRole('link', { name: 'Go on' }).click();
  dialog = await settings(phone);
  await expect.poll(() => dialog.getByLabel('Mail about what you missed').inputValue()).toBe('never');

  await desktop.page.goto(stop.replace(/.{5}$/, 'AAAAA'));
  await desktop.page.getByRole('button', { name: 'Stop these mails' }).click();
  await desktop.page.getByRole('alert').getByText('this link does not work any more').waitFor();
  await desktop.shot('digest-stop-bad');
});
