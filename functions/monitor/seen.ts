/** What is asked of the state and of the place for whoever looks, a person or Prometheus. Nobody wakes of it. */
import type { Cluster, ForwardStatus, GpuStatus, InstanceStatus } from "#shared/cluster/cluster.ts";
import { countDeadLetters } from "#shared/dead-letters.ts";
import { messageOf } from "#shared/errors.ts";
import { isTheirs } from "#shared/http/access.ts";
import type { Caller } from "#shared/http/access.ts";
import type { Documents, Ledger, TaskCounts } from "#shared/state/state.ts";

export type Seen = {
  /** The caller's own, as the forwards; all of them for an administrator. */
  tasks: TaskCounts;
  /** `null`, as the next two: what could not be asked, which is one of the problems. */
  forwards: ForwardStatus[] | null;
  instances: InstanceStatus[] | null;
  gpus: GpuStatus | null;
  /** `null` for who is no administrator. */
  deadLetters: number | null;
  problems: string[];
};

type Deps = { documents: Documents; ledger: Ledger; cluster: Cluster };

export async function look(caller: Caller | null, { documents, ledger, cluster }: Deps): Promise<Seen> {
  const problems: string[] = [];
  const isAdmin = caller === null || caller.admin;
  const [tasks, forwards, instances, gpus, deadLetters] = await Promise.all([
    ledger.counts(isAdmin ? undefined : caller.name),
    ask("forwards", cluster.listForwards(), problems),
    ask("instances", cluster.listInstances(), problems),
    ask("GPUs", cluster.listGpus(), problems),
    isAdmin ? countDeadLetters(documents) : null,
  ]);
  const theirs = forwards?.filter(({ owner }) => isTheirs(caller, owner)) ?? null;
  return { tasks, forwards: theirs, instances, gpus, deadLetters, problems };
}

/** The answer, or `null` and a problem more. */
export const ask = <T>(what: string, asked: Promise<T>, problems: string[]): Promise<T | null> =>
  asked.catch((error: unknown) => {
    problems.push(`${what}: ${messageOf(error)}`);
    return null;
  });
