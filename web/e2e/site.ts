import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const examples = join(import.meta.dirname, '..', 'examples');

/**
 * Another site, with the example pages and those that a test writes. It has two origins: 127.0.0.1
 * and localhost.
 */
export class Site {
  /** What replaces https://chat.example.org. */
  chat = '';
  readonly pages = new Map<string, { readonly html: string; readonly policy?: string }>();
  #server!: Server;
  #port = 0;

  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      void this.#answer(new URL(request.url!, 'http://site').pathname).then(({ type, body, policy }) => {
        response.writeHead(body === undefined ? 404 : 200, { 'content-type': type, ...(policy && { 'content-security-policy': policy }) }).end(body);
      });
    });
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    this.#port = (this.#server.address() as AddressInfo).port;
  }
  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** The origin that the tests' server allows. */
  get allowed(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  get refused(): string {
    return `http://localhost:${this.#port}`;
  }

  async #answer(path: string): Promise<{ type: string; body?: string; policy?: string | undefined }> {
    const page = this.pages.get(path);
    if (page) return { type: 'text/html; charset=utf-8', body: page.html.replaceAll('https://chat.example.org', this.chat), policy: page.policy };
    const file = await readFile(join(examples, path.replaceAll('..', '')), 'utf8').catch(() => undefined);
    if (file === undefined) return { type: 'text/plain' };
    return { type: path.endsWith('.css') ? 'text/css' : 'text/html; charset=utf-8', body: file.replaceAll('https://chat.example.org', this.chat) };
  }
}
