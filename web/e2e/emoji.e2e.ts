import { deflateSync, crc32 } from 'node:zlib';
import { expect, test as testIt } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password, Person, type Device } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

// It needs a server without an operator.
const test = testIt.skipIf(process.env['HUBBUB_URL'] !== undefined);
const stage = new Stage();

/** A square PNG with a ring in it. */
function png(side: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head.set([8, 6], 8); // 8 bits each of red, green, blue and alpha
  const rows = Array.from({ length: side }, (_, y) => {
    const row = Buffer.alloc(1 + 4 * side);
    for (let x = 0; x < side; x++) {
      const far = Math.hypot(x - side / 2, y - side / 2) / side;
      row.set(far > 0.25 && far < 0.48 ? [220, 40, 140, 255] : [0, 0, 0, 0], 1 + 4 * x);
    }
    return row;
  });
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', deflateSync(Buffer.concat(rows))), chunk('IEND', Buffer.alloc(0))]);
}

const boss = unique('Boss');
/** Opens the server page's emoji for the operator. */
async function operator(device: Device): Promise<Person> {
  const api = new Api(stage.server.url);
  const secret = /#\/setup\/([\w-]+)/.exec(stage.server.output())?.[1];
  if (secret === undefined) throw new Error('the server does not tell its set-up link');
  await api.setUp(secret, boss, password).catch(() => undefined); // the link was used already
  const p = await Person.again(stage.browser, stage.server.url, boss, device);
  stage.people.push(p);
  await p.rooms.getByRole('link', { name: 'Server' }).click();
  await p.page.getByRole('navigation', { name: 'Server' }).getByRole('link', { name: 'Emoji' }).click();
  await p.page.getByRole('heading', { level: 1, name: 'Emoji' }).waitFor();
  return p;
}

async function add(op: Person, name: string, image: Buffer): Promise<void> {
  await op.page.getByRole('button', { name: 'New emoji' }).click();
  const dialog = op.page.getByRole('dialog');
  await dialog.getByLabel(/^Image/).setInputFiles({ name: 'Some Picture.png', mimeType: 'image/png', buffer: image });
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByRole('button', { name: /^(Add|Replace)$/ }).click();
  await dialog.waitFor({ state: 'hidden' });
}

test('an operator adds an emoji, people write it and react with it, and without it there is its name', async () => {
  const asked: string[] = [];
  const ann = await stage.person('Ann', 'desktop');
  ann.page.on('request', (r) => { if (r.url().includes('/v1/emoji')) asked.push(r.url()); });
  await ann.page.reload();
  await ann.enter('lobby');
  await ann.say('no emoji at 10:30:45');
  await ann.message('no emoji at 10:30:45').waitFor();
  expect(asked).toEqual([]); // the page loads none before it needs one

  const op = await operator('desktop');
  await op.page.getByRole('main').getByText('no emoji of its own yet').waitFor();
  await op.page.getByRole('button', { name: 'New emoji' }).click();
  const dialog = op.page.getByRole('dialog');
  const image = dialog.getByLabel(/^Image/);
  await image.setInputFiles({ name: 'a.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg/>') });
  await dialog.getByRole('alert').getByText('Choose a PNG').waitFor();
  await image.setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: png(513) });
  await dialog.getByRole('alert').getByText('513 × 513').waitFor();
  await image.setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.concat([png(64), Buffer.alloc(128 * 1024)]) });
  await dialog.getByRole('alert').getByText('KiB').waitFor();
  await image.setInputFiles({ name: 'My Ring!.png', mimeType: 'image/png', buffer: png(128) });
  await expect.poll(() => dialog.getByLabel('Name').inputValue()).toBe('my_ring');
  await dialog.getByText('It is written :my_ring:').waitFor();
  expect(await violations(op.page)).toEqual([]);
  await op.shot('emoji-new');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await op.page.getByRole('list', { name: 'Emoji' }).getByText(':my_ring:').waitFor();
  await add(op, 'party', png(64));
  await expect.poll(() => op.page.getByRole('list', { name: 'Emoji' }).locator('img').evaluateAll((all) => all.map((i) => (i as HTMLImageElement).naturalWidth))).toEqual([128, 64]);
  expect(await violations(op.page)).toEqual([]);
  await op.shot('emoji-server');
  // Also from right to left the name stands beside its image.
  await op.page.evaluate(() => void (document.documentElement.dir = 'rtl'));
  const row = op.page.getByRole('list', { name: 'Emoji' }).getByRole('listitem').first();
  const [picture, called] = [(await row.locator('img').boundingBox())!, (await row.locator('b > *').boundingBox())!];
  expect(picture.x - (called.x + called.width)).toBeLessThan(40);
  await op.page.evaluate(() => document.documentElement.removeAttribute('dir'));
  await op.page.setViewportSize({ width: 390, height: 844 });
  await op.shot('emoji-server-narrow');
  await op.page.setViewportSize({ width: 1280, height: 800 });

  // It is suggested while one types.
  await ann.field.pressSequentially('look: :my_r');
  const offered = ann.page.getByRole('listbox', { name: 'Emoji' }).getByRole('option').filter({ hasText: ':my_ring:' });
  await offered.locator('img').waitFor();
  await ann.shot('emoji-suggested');
  await ann.page.keyboard.press('Enter');
  await ann.page.keyboard.type('and `:my_ring:`');
  await ann.page.getByRole('button', { name: 'Send' }).click();
  const sent = ann.log.getByRole('article').last();
  await sent.locator('code', { hasText: ':my_ring:' }).waitFor(); // until the code for Markdown is here, it stands as typed
  await sent.locator('.text img[alt=":my_ring:"]').waitFor();
  await ann.say(':party: :my_ring:');
  await expect.poll(async () => (await ann.log.getByRole('article').last().locator('.text img').first().boundingBox())?.height ?? 0).toBeGreaterThan(40);

  const eve = await stage.person('Eve', 'phone');
  await eve.enter('lobby');
  await eve.log.locator('.text img[alt=":my_ring:"]').first().waitFor();
  await expect.poll(() => eve.log.locator('.text img').evaluateAll((all) => all.every((i) => (i as HTMLImageElement).naturalWidth > 0))).toBe(true);

  // By keyboard, from the picker.
  await ann.log.getByRole('article').last().hover();
  await ann.page.getByRole('button', { name: 'More reactions' }).click();
  const picker = ann.page.getByRole('dialog', { name: 'Choose an emoji' });
  await picker.getByRole('option', { name: 'my_ring' }).first().waitFor();
  expect(await violations(ann.page)).toEqual([]);
  await ann.shot('emoji-picker');
  await picker.getByRole('combobox').fill('ring');
  await picker.getByRole('option', { name: 'my_ring' }).locator('img').waitFor();
  await ann.page.keyboard.press('Enter');
  const reaction = (p: Person) => p.log.getByRole('button', { name: /:my_ring:/ });
  await reaction(ann).locator('img').waitFor();
  await reaction(eve).locator('img').waitFor();
  await reaction(eve).click();
  await reaction(ann).getByText('2').waitFor();
  expect(await violations(eve.page)).toEqual([]);
  await eve.shot('emoji');
  await ann.shot('emoji');

  await op.page.getByRole('button', { name: 'Remove :my_ring:' }).click();
  await op.shot('emoji-remove');
  await op.page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await op.page.getByRole('list', { name: 'Emoji' }).getByText(':my_ring:').waitFor({ state: 'detached' });
  for (const p of [ann, eve]) {
    await p.page.reload();
    await reaction(p).getByText(':my_ring:').waitFor();
    await p.log.locator('.text', { hasText: ':my_ring:' }).first().waitFor();
    await p.log.locator('.text img[alt=":party:"]').waitFor();
  }
  await eve.shot('emoji-removed');
}, 300_000);
