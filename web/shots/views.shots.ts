import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password, Person } from '../e2e/browser.ts';
import { Stage } from '../e2e/stage.ts';

// The pictures of docs/screens: every main view, on a desktop and on a phone, light and dark, some
// in Arabic.
const stage = new Stage();
const folder = join(import.meta.dirname, '..', '..', 'docs', 'screens');

async function somebody(name: string, device: 'desktop' | 'phone', colorScheme: 'light' | 'dark'): Promise<Person> {
  const p = await Person.open(stage.browser, stage.server.url, name, device, { colorScheme, deviceScaleFactor: 1, reducedMotion: 'reduce', ...(device === 'phone' && { viewport: { width: 375, height: 700 } }) });
  stage.people.push(p);
  return p;
}

async function shot(p: Person, name: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await p.page.evaluate(() => document.fonts.ready);
  await p.page.screenshot({ path: join(folder, `${name}.png`) });
}

test('every main view is taken', async () => {
  const ada = await somebody('Ada', 'desktop', 'light');
  await shot(ada, 'welcome');
  await ada.register();
  const grace = await somebody('Grace', 'phone', 'light');
  await grace.register();
  const linus = await somebody('Linus', 'desktop', 'dark');
  await linus.register();
  const api = new Api(stage.server.url);
  const { token } = await api.login('Ada', password);
  for (const [name, topic] of [['Garden', 'What grows, and what does not'], ['Release', 'What ships this week'], ['Music', 'Heard lately']] as const) {
    const room = await api.createRoom(token, name, topic, false);
    for (const other of ['Grace', 'Linus']) await api.join((await api.login(other, password)).token, room.id);
  }
  await expect.poll(() => linus.rooms.getByRole('link').count()).toBe(6);
  for (const p of [ada, grace, linus]) await p.enter('Release');
  await ada.say('The release is out: **2.4**, with _fewer_ surprises.\n\n- search finds names in any script\n- `hubbub up` starts in a second');
  await grace.say('Nice! Does it still run on the small machine?');
  await linus.say('It does:\n\n```go\nserver := hubbub.New(config)\nif err := server.Run(ctx); err != nil {\n\tlog.Fatal(err)\n}\n```');
  await ada.say('@Grace it takes *less* memory than before :-)');
  await linus.log.getByText('less').waitFor();
  await linus.act('Nice! Does it still run on the small machine?', 'React with 👍');
  await ada.log.getByRole('button', { name: /^👍, 1/ }).waitFor();
  await shot(ada, 'room-desktop');
  await shot(linus, 'room-desktop-dark');
  await shot(grace, 'room-phone');
  await grace.finger(grace.log.getByRole('article').first(), [], 600);
  await grace.page.getByRole('dialog').waitFor();
  await shot(grace, 'message-phone');
  await grace.page.goBack();
  await grace.page.getByRole('dialog').waitFor({ state: 'hidden' });
  await grace.leaveRoom();
  await shot(grace, 'list-phone');
  for (const [button, name] of [['Browse rooms', 'browse'], ['Your account', 'settings']] as const) {
    await ada.page.getByRole('button', { name: button }).click();
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Close' }).waitFor();
    if (name === 'browse') await ada.page.getByRole('dialog').getByText('Garden').waitFor();
    else await ada.page.getByRole('tab', { name: 'Look' }).click();
    await shot(ada, name);
    await ada.page.keyboard.press('Escape');
    await ada.page.getByRole('dialog').waitFor({ state: 'hidden' });
  }
  await linus.page.keyboard.press('Control+k');
  await linus.page.getByRole('combobox', { name: /^Go to/ }).fill('r');
  await linus.page.getByRole('option').first().waitFor();
  await shot(linus, 'go-dark');
  await linus.page.goBack();
  await linus.page.getByRole('dialog').waitFor({ state: 'hidden' });
  // From right to left.
  for (const p of [grace, linus]) {
    await p.page.getByRole('button', { name: 'Your account' }).click();
    await p.page.getByRole('tab', { name: 'Look' }).click();
    if (p === linus) await shot(p, 'settings-dark');
    await p.page.getByRole('dialog').getByRole('combobox').selectOption('ar');
    await p.page.locator('html[dir=rtl]').waitFor();
    await p.page.keyboard.press('Escape');
    await p.page.getByRole('dialog').waitFor({ state: 'hidden' });
  }
  await shot(grace, 'list-phone-arabic');
  await shot(linus, 'room-desktop-arabic-dark');
  await grace.page.locator('.sidebar').getByRole('link', { name: 'Release' }).click();
  await grace.page.getByRole('article').first().waitFor();
  await shot(grace, 'room-phone-arabic');
});
