import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A Hubbub server to test against. */
export interface Hubbub {
  readonly url: string;
  /** Kills it without warning. Undefined if this one may not be killed. */
  readonly kill: (() => Promise<void>) | undefined;
  /** Starts it on the same data if it does not run, and resolves when it answers. */
  readonly start: () => Promise<void>;
  /** The end of its output, and how it ended if it did. */
  readonly output: () => string;
  readonly stop: () => Promise<void>;
}

/**
 * Returns the running server that HUBBUB_URL names, or starts the binary HUBBUB_BIN with an empty
 * data folder and everything under a base path, such as /chat. smtp is the mail server that it uses,
 * and options are further flags of the command.
 */
export async function hubbub(base = '', smtp = '', options: readonly string[] = []): Promise<Hubbub> {
  const { HUBBUB_URL: url, HUBBUB_BIN: bin, HUBBUB_RESTART_CMD: restart } = process.env;
  if (url) return external(url.replace(/\/$/, ''), restart);
  if (!bin) throw new Error('set HUBBUB_BIN to the hubbub binary, or HUBBUB_URL to a running server');
  const server = await spawned(bin, base, smtp, options);
  await server.start();
  return server;
}

function external(url: string, restart: string | undefined): Hubbub {
  const nothing = () => Promise.resolve();
  const output = () => '';
  if (!restart) return { url, kill: undefined, start: nothing, output, stop: nothing };
  return {
    url,
    // One command does both: kill the server and start it again.
    kill: async () => void (await promisify(execFile)('sh', ['-c', restart])),
    start: () => ready(url),
    output,
    stop: nothing,
  };
}

async function spawned(bin: string, base: string, smtp: string, options: readonly string[]): Promise<Hubbub> {
  const data = mkdtempSync(join(tmpdir(), 'hubbub-e2e-'));
  const listen = `127.0.0.1:${await freePort()}`;
  const ops = `127.0.0.1:${await freePort()}`;
  const url = `http://${listen}${base}`;
  let child: ChildProcess | undefined;
  let output = '';

  const runs = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  const kill = async () => {
    if (!child || !runs()) return;
    const dying = child;
    const ended = new Promise((resolve) => dying.once('exit', resolve));
    dying.kill('SIGKILL');
    await ended;
  };
  return {
    url,
    kill,
    output: () => (runs() ? output : `${output}\nended: ${child?.exitCode ?? child?.signalCode}`),
    start: async () => {
      if (runs()) return;
      const web = join(import.meta.dirname, '..', 'dist');
      const args = ['up', '--listen', listen, '--ops-listen', ops, '--data', data, '--web', web, '--presence-flap', '1s', '--base-path', `${base}/`, ...options];
      if (smtp) args.push('--directory-smtp-url', smtp, '--directory-mail-from', 'Chat <chat@example.org>', '--directory-page-url', `${url}/`);
      const started = spawn(bin, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      child = started;
      for (const stream of [started.stdout, started.stderr]) stream.on('data', (b: Buffer) => (output = (output + b.toString()).slice(-8_000)));
      await ready(url, () => {
        if (started.exitCode !== null || started.signalCode !== null) throw new Error(`hubbub ended at its start:\n${output}`);
      });
    },
    stop: async () => {
      await kill();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** Resolves when the server answers a request for rooms, which needs all of its parts. */
async function ready(url: string, check: () => void = () => undefined): Promise<void> {
  for (let i = 0; i < 300; i++) {
    check();
    const status = await fetch(`${url}/v1/rooms`).then((r) => r.status, () => 0);
    if (status === 401) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} does not answer`);
}

/**
 * A port below those that the kernel gives to outgoing connections: one of those could take the port
 * while the server is down.
 */
export function freePort(): Promise<number> {
  const port = 10_000 + Math.floor(Math.random() * 20_000);
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(freePort()));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(port)));
  });
}
