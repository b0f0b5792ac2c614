import { afterEach, describe, expect, test } from 'vitest';
import { entry, Harness } from '../../test/harness.ts';
import { until } from '../../test/surroundings.ts';
import { readVersions, Versions } from './versions.ts';

let h: Harness | undefined;
afterEach(() => h?.stop());

const version = (seq: number, fields: object = {}) => ({ seq, ts: seq, text: `text ${seq}`, ...fields });
const about = (seq: number, prev: number, type: string, fields: object = {}) =>
  entry(seq, prev, { type, id: `e${seq}`, target: 'm 1', author: 'bo', user: 'bo', text: undefined, ...fields });
const path = 'GET /v1/rooms/lobby/versions/bo/m%201';
const seqs = (v: Versions) => v.now.list.map((of) => of.seq);

describe('the versions of a message', () => {
  test('are loaded in pages, and follow what happens', async () => {
    let first = [version(30), version(20, { text: undefined, lost: true })];
    let asked = 0;
    h = Harness.start({ routes: {
      [path]: () => (asked++, { body: { versions: first, more: true } }),
      [`${path}?before=20`]: () => ({ body: { versions: [version(10)], more: false, hidden: true } }),
    } });
    const peer = await h.lobby([entry(40, 0)]);
    await until(() => h!.live);
    const versions = new Versions(h.client, 'lobby', { user: 'bo', id: 'm 1' });
    await until(() => versions.state === 'loaded');
    expect(versions.now).toEqual({ list: [{ seq: 30, ts: 30, text: 'text 30' }, { seq: 20, ts: 20 }], more: true, hidden: false });
    await versions.further();
    expect(seqs(versions)).toEqual([30, 20, 10]);
    expect(versions.now).toMatchObject({ more: false, hidden: true });

    // Another's message has the same id.
    peer.send(about(50, 40, 'edited', { text: 'x', author: 'cy', user: 'cy' }), about(51, 50, 'deleted', { author: 'cy', user: 'cy' }));
    first = [version(52), version(30)];
    peer.send(about(52, 51, 'edited', { text: 'text 52' }));
    await until(() => seqs(versions)[0] === 52);
    expect(asked).toBe(2);
    first = [version(52)];
    peer.send(entry(53, 52, { type: 'moderated', act: 'no-versions', text: undefined }));
    await until(() => versions.now.list.length === 1);
    peer.send(about(54, 53, 'deleted'));
    await until(() => versions.state === 'gone');
    versions.close();
    peer.send(about(55, 54, 'edited', { text: 'late' }));
    await until(() => h!.client.rooms.get('lobby')!.log.position?.seq === 55);
    expect(asked).toBe(3);
  });

  test('cannot be loaded, are loaded, and are gone', async () => {
    let answer: object = { status: 503, body: { code: 'unavailable' } };
    h = Harness.start({ routes: { [path]: () => answer } });
    await h.lobby([entry(10, 0)]);
    const versions = new Versions(h.client, 'lobby', { user: 'bo', id: 'm 1' });
    await until(() => versions.state === 'failed');
    answer = { body: { versions: [version(1)] } };
    await versions.load();
    expect(versions.state).toBe('loaded');
    answer = { status: 404, body: { code: 'not_found' } };
    await versions.load();
    expect(versions.state).toBe('gone');
    versions.close();
  });

  test('are read without what is none', () => {
    expect(readVersions({ versions: [null, 1, {}, { seq: 2, text: 5 }], more: 1 })).toEqual({ list: [{ seq: 2, ts: 0 }], more: false, hidden: false });
    expect(() => readVersions({ versions: {} })).toThrow('something else');
  });
});
