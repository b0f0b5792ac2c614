import { expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password, type Device } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

test.each<Device>(['desktop', 'phone'])('a room shows its events, folded, also after a reload, on a %s', async (device) => {
  const [ada, bo] = await Promise.all([stage.person('Ada', device), stage.person('Bo', 'desktop')]);
  const api = new Api(stage.server.url);
  const { token } = await api.login(ada.name, password);
  const name = unique('Plans');
  const { id } = await api.createRoom(token, name, 'Old', false);
  await ada.enter(name);
  await ada.say('first');
  const names = ['Cy', 'Di', 'Ed', 'Flo', 'Gus'].map(unique);
  const people = [];
  for (const n of names) people.push(await api.register(n, password));
  for (const p of people) await api.join(p.token, id);
  await api.changeRoom(token, id, { topic: 'New plans' });
  await api.join((await api.login(bo.name, password)).token, id);
  const own = `${stage.server.url}/v1/rooms/${id}/members/${people[0]!.user.id}?reason=too%20loud`;
  expect((await fetch(own, { method: 'DELETE', headers: { Authorization: `Bearer ${token}` } })).status).toBeLessThan(300);
  await ada.say('second');
  await ada.act('first', 'Pin');
  for (let again = 0; again < 2; again++) {
    await ada.log.getByText(`${names[0]}, ${names[1]}, ${names[2]} and 3 others joined`).or(ada.log.getByText(/^.*and [23] others joined/)).first().waitFor();
    await ada.log.getByText(`You changed the room: ${name} – New plans`).waitFor();
    await ada.log.getByText(`You removed ${names[0]} from this room: too loud`).waitFor();
    await ada.log.getByText('You pinned a message').waitFor();
    expect(await ada.log.getByText(/was removed/).count()).toBe(0);
    if (!again) {
      await ada.shot('happened');
      await ada.page.reload();
      await ada.message('second').waitFor();
    }
  }
  expect(await violations(ada.page)).toEqual([]);
  const fold = ada.log.getByRole('button', { name: 'Show all' });
  await fold.click();
  await ada.log.getByText(names[4]!).waitFor();
  await ada.log.getByRole('button', { name: 'Show less', expanded: true }).click();
  await bo.enter(name);
  await bo.log.getByText(`${ada.name} pinned a message`).waitFor();
  // None of it counts as new.
  expect(await bo.room(name).getByLabel(/unread/).count()).toBe(0);
});
