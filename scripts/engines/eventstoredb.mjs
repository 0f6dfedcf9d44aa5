/** EventStoreDB: the real server where containers can be run, else our own server of its protocol, which is a stand-in for tests and no database. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export default {
  name: 'EventStoreDB',
  /** What a server is told, and what the contract suites read. */
  variable: 'TOLLGATE_EVENTSTORE',
  testVariable: 'TOLLGATE_TEST_EVENTSTORE',
  container: { service: 'eventstoredb', url: 'esdb://127.0.0.1:2113?tls=false' },
  standIn: {
    says: "a stand-in: this repository's own server of its protocol (test/peers/eventstoredb), no database to trust data to",
    command: ({ node, root, folder }) => [node, join(root, 'dist/test/peers/eventstoredb/main.js'), '--data', folder],
    /** What it prints once it listens. */
    ready: /(esdb:\/\/\S+)/,
  },
  /** Answers once a read of the log is answered. */
  healthy: async (url, root) => {
    const { EventStoreDb } = await import(pathToFileURL(join(root, 'dist/src/adapters/event-store/eventstoredb.js')).href);
    const { SystemRandom } = await import(pathToFileURL(join(root, 'dist/src/adapters/system/random.js')).href);
    const store = EventStoreDb.open(url, { random: new SystemRandom(), deadlineMs: 2_000 });
    try {
      await store.head();
      return true;
    } catch {
      return false;
    } finally {
      await store.close();
    }
  },
  suites: [
    { says: 'the contract of the event store', files: ['contracts/event-store.spec.js', 'contracts/eventstoredb.spec.js'] },
    { says: 'the server stopped, paused, slowed and restarted under load', files: ['engines/eventstoredb-*.spec.js'] },
    { says: 'every journey, end to end', files: ['e2e/*.spec.js'] },
  ],
};
