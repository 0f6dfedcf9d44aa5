/** A source host in memory with one repository, the same in every process: what tests run from git when git itself is not what they are about. */
import { MemorySourceHost, type MemoryRepo } from '../../src/adapters/source-host/memory.ts';

export const helloUrl = 'https://git.test/ada/hello.git';
export const helloHost = (): MemorySourceHost & { readonly hello: MemoryRepo } => {
  const host = new MemorySourceHost();
  const hello = host.create(helloUrl);
  hello.tag('v1', hello.commit({ 'server.js': 'setInterval(() => 1, 1000);' }));
  return Object.assign(host, { hello });
};
