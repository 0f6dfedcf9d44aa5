import { credentialFor } from '../git.ts';
import { reactor, type DomainCommand } from './reactor.ts';
import { defaultRef } from '../../domain/git-address.ts';
import { HostUnavailable, Refused } from '../../domain/ports/failures.ts';
import { workload } from '../../domain/workload/decide.ts';
import { toFetch, type FetchTodo } from '../../domain/workload/todo.ts';
import type { Workload } from '../../domain/workload/state.ts';

/** Some minutes of asking a host that does not answer: then the customer is told, rather than left waiting. */
const attemptsMax = 5;

const failed = ({ workload: { workloadId }, generation }: FetchTodo, reason: string): DomainCommand[] => [{ type: 'RecordFetchFailed', fields: { workloadId, generation, reason } }];
const needs = (state: Workload, source: string): boolean => state.status === 'existing' && !state.removed && (state.source === source || state.old?.source === source || state.unneeded.includes(source));

/** Brings the code of workloads that run from git into the source store. Apart from `workloads`, so that a slow host holds up nobody's runtime. */
export const fetchSources = reactor<Workload, FetchTodo>({
  name: 'fetch-sources', decider: workload, todo: toFetch,
  owner: (state) => (state.status === 'existing' ? state.accountId : undefined),
  deeds: {
    Fetch: async (item, deed) => {
      const { workload: { workloadId, namespaceId }, git: { url, ref, commit }, generation } = item;
      const { sources, sourceHost, dispatch, lookup } = deed;
      const credential = await credentialFor(namespaceId, url, deed);
      try {
        const { digest } = await sources.put(sourceHost.fetch({ url, ref: ref === '' ? defaultRef : ref, commit, holder: namespaceId, ...(credential ? { credential } : {}) }));
        await sources.retain(digest, workloadId); // from now on: it may be suspended for long before it is applied
        await dispatch('RecordSourceFetched', { workloadId, generation, source: digest });
        if (!needs(await lookup(workload, workloadId), digest)) await sources.release(digest, workloadId); // it was replaced or removed meanwhile
        return [];
      } catch (error) {
        if (error instanceof Refused) return failed(item, error.message);
        if (error instanceof HostUnavailable && deed.attempts + 1 >= attemptsMax) return failed(item, `${error.message}; given up after ${attemptsMax} tries`);
        throw error;
      }
    },
  },
});
