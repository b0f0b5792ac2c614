import { expect, test } from 'vitest';
import { Person } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

const focused = (p: Person) => p.page.evaluate(() => {
  const e = document.activeElement!;
  return e.getAttribute('aria-label') ?? e.textContent?.trim() ?? '';
});

test('a message is one stop of Tab, and the arrows lead into it and along its tools', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  const text = `${unique('see')} https://example.org/one and https://example.org/two`;
  await ada.say(text);
  const row = ada.log.getByRole('article').last();
  await row.getByLabel(/^(Sent|Read by)/).waitFor();
  await ada.page.mouse.move(0, 0);
  const stops = () => ada.log.getByRole('article').evaluateAll((all) => all.map((a) => [a, ...a.querySelectorAll<HTMLElement>('a, button')].filter((e) => (e as HTMLElement).tabIndex >= 0 && e.checkVisibility()).length));
  await expect.poll(async () => Math.max(...(await stops()))).toBeLessThanOrEqual(1);
  await ada.log.focus();
  await ada.page.keyboard.press('ArrowUp');
  await row.getByRole('toolbar').waitFor();
  await expect.poll(async () => Math.max(...(await stops()))).toBe(1); // its tools
  const { keyboard } = ada.page;
  await keyboard.press('ArrowRight');
  expect(await focused(ada)).toContain('example.org/one');
  await keyboard.press('ArrowRight');
  expect(await focused(ada)).toContain('example.org/two');
  await keyboard.press('Escape');
  await keyboard.press('Tab');
  expect(await focused(ada)).toContain('React with 👍');
  await keyboard.press('ArrowRight');
  expect(await focused(ada)).toContain('React with ❤️');
  await keyboard.press('End');
  expect(await focused(ada)).toBe('Delete');
  await keyboard.press('ArrowRight');
  expect(await focused(ada)).toContain('React with 👍');
  await keyboard.press('Tab');
  expect(await ada.page.evaluate(() => document.activeElement!.closest('article') === null)).toBe(true);
});

test('the first Tab offers to skip the list, and ? lists the shortcuts where nothing is written', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  // From the beginning of the page, as after it has loaded.
  await ada.page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
  });
  await ada.page.keyboard.press('Tab');
  expect(await focused(ada)).toBe('Skip to the messages');
  await ada.page.keyboard.press('Enter');
  expect(await ada.page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('log');
  await ada.page.keyboard.press('?');
  const dialog = ada.page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await dialog.getByText('Go to a room').waitFor();
  expect(await violations(ada.page)).toEqual([]);
  await ada.shot('shortcuts');
  await ada.page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await ada.field.pressSequentially('why?');
  expect(await ada.field.inputValue()).toBe('why?');
  expect(await dialog.count()).toBe(0);
});

test('the arrows go along the formats and through the emoji', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  await ada.page.getByRole('button', { name: 'Formatting' }).click();
  const bar = ada.page.getByRole('toolbar', { name: 'Formatting' });
  await bar.getByRole('button', { name: 'Bold' }).focus();
  await ada.page.keyboard.press('ArrowRight');
  expect(await focused(ada)).toBe('Italic');
  await expect.poll(() => bar.getByRole('button').evaluateAll((all) => all.filter((b) => (b as HTMLElement).tabIndex === 0).length)).toBe(1);
  await ada.page.getByRole('button', { name: 'Insert an emoji' }).last().click();
  const find = ada.page.getByRole('combobox', { name: 'Find an emoji' });
  await find.waitFor();
  const active = () => find.getAttribute('aria-activedescendant');
  expect(await active()).toBe('emoji-0');
  await find.press('ArrowRight');
  expect(await active()).toBe('emoji-1');
  await find.press('ArrowDown');
  expect(Number((await active())!.replace('emoji-', ''))).toBeGreaterThan(5);
  await find.press('Tab');
  const groups = ada.page.getByRole('toolbar', { name: 'Groups of emoji' });
  expect(await groups.evaluate((e) => e.contains(document.activeElement))).toBe(true);
  const first = await focused(ada);
  await ada.page.keyboard.press('ArrowRight');
  expect(await focused(ada)).not.toBe(first);
  expect(await violations(ada.page)).toEqual([]);
});

test('forced colours show what is chosen and who is online', async () => {
  const ada = await Person.open(stage.browser, stage.server.url, unique('Ada'), 'desktop', { forcedColors: 'active', bypassCSP: true });
  stage.people.push(ada);
  await ada.guest();
  await ada.enter('lobby');
  await ada.say(unique('hello'));
  const look = (selector: string) => ada.page.locator(selector).first().evaluate((e) => {
    const { outlineStyle, outlineWidth, backgroundColor, borderTopWidth, borderTopColor } = getComputedStyle(e);
    return { outline: outlineStyle === 'none' ? '0px' : outlineWidth, background: backgroundColor, border: borderTopWidth, colour: borderTopColor };
  });
  expect((await look('.sidebar a[aria-current]')).outline).toBe('2px');
  expect((await look('.sidebar a:not([aria-current])')).outline).toBe('0px');
  const canvas = await ada.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dot = await look('aside .dot.online');
  expect(dot.background).not.toBe(canvas);
  await ada.shot('forced-room');
  expect(await violations(ada.page)).toEqual([]);
  await ada.page.getByRole('button', { name: 'Your account' }).click();
  await ada.page.getByRole('tab').first().waitFor();
  const edge = (selected: boolean) => ada.page.locator(`[role=tab][aria-selected=${selected}]`).first().evaluate((e) => getComputedStyle(e).borderBottomColor);
  expect(await edge(true)).not.toBe(await edge(false));
  await ada.shot('forced-account');
  expect(await violations(ada.page)).toEqual([]);
});
