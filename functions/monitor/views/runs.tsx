/** Jobs on supercomputers: what Slurm said of them. */
import { CONFIGURATION_DOCUMENT, submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { LossiError } from "#shared/errors.ts";
import type { Caller } from "#shared/http/access.ts";
import type { RunRecord } from "#shared/jobs/run-record.ts";
import { readRun, readRuns } from "#shared/jobs/runs.ts";
import { runState } from "../job-metrics.ts";
import { Badge, Bar, Empty, Table, Time, bytes, duration } from "../parts.tsx";
import type { View, ViewDeps } from "../view.ts";

const MOST = 200;
/** A job array has some for each of its thousands of jobs. */
const MOST_STEPS = 100;

const configurationOf = async ({ documents }: ViewDeps): Promise<Configuration | null> =>
  ((await documents.get(CONFIGURATION_DOCUMENT))?.value as Configuration | undefined) ?? null;

export const runs: View = async ({ caller }, deps) => {
  const configuration = await configurationOf(deps);
  const user = caller === null || caller.admin ? "" : caller.name;
  const { newest, states } =
    configuration === null
      ? { newest: [], states: [] }
      : await readRuns(configuration, deps.documents, { most: MOST, user });
  return {
    title: "Runs",
    body: (
      <>
        <h1>Runs</h1>
        {newest.length === 0 ? (
          <Empty>
            No job has begun yet. Submit one with <code>POST /interaction/orch/submit/none</code> and start it with{" "}
            <code>POST /interaction/orch/start/1</code>; what Slurm says of it appears here by itself.
          </Empty>
        ) : (
          <Table
            caption="Jobs that began, the one that changed last first"
            columns={["Job", "State", "User", "Waited", "Ran", "CPU used", "Memory used", "Exit", "Files"]}
            rows={newest.map((run) => ({ id: `run-${run.bucket}-${run.key}`, cells: rowOf(run) }))}
          />
        )}
        {states.length > MOST && (
          <p class="quiet">
            Shown are the {MOST} of {states.length} that changed last; <code>RUNS/</code> in their buckets has all.
          </p>
        )}
      </>
    ),
  };
};

const ms = (from: number | null, to: number | null): string =>
  from === null || to === null ? "–" : duration((to - from) * 1000);

const rowOf = (run: RunRecord) => [
  <a href={`/monitor/runs/${encodeURIComponent(run.bucket)}/${run.key}`}>
    {run.key} {run.name}
  </a>,
  <State of={run.state} />,
  run.user,
  ms(run.submittedAt, run.startedAt),
  ranOf(run),
  <Bar percent={run.efficiency.cpuPercentage} label="CPU efficiency" />,
  <Bar percent={run.efficiency.memoryPercentage} label="Memory efficiency" />,
  run.exitCode ?? "–",
  run.files.length,
];

const ranOf = ({ used, startedAt, endedAt }: RunRecord): string =>
  used.elapsedSeconds === undefined ? ms(startedAt, endedAt) : duration(used.elapsedSeconds * 1000);

const BAD = ["FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "CANCELLED", "BOOT_FAIL", "DEADLINE"];

const isBad = (state: string): boolean => BAD.includes(runState(state));

function State({ of }: { of: string }) {
  const kind = of.startsWith("COMPLETED")
    ? "good"
    : isBad(of)
      ? "bad"
      : /^(RUNNING|COMPLETING)/.test(of)
        ? "busy"
        : "calm";
  return <Badge kind={kind}>{of === "" ? "unknown" : of}</Badge>;
}

export const run: View = async ({ names: [bucket = "", key = ""], caller }, deps) => {
  const configuration = await configurationOf(deps);
  const found = configuration === null ? null : await readRun(configuration, deps.documents, { bucket, key });
  if (configuration === null || found === null || !isOwn(found, configuration, caller))
    throw new LossiError("not_found", "there is no run of this job yet: it begins with orch/start");
  return {
    title: `Run ${found.key}`,
    body: (
      <>
        <h1>
          Run {found.key} <State of={found.state} />
        </h1>
        <Facts run={found} />
        <Steps run={found} />
        <div class="beside wide">
          <section>
            <h2>sacct</h2>
            {found.sacct === null ? <Missing why={found.missing["sacct"]} /> : <Sacct rows={found.sacct} />}
            <More run={found} />
          </section>
          <section>
            <h2>seff</h2>
            {found.seff === null ? <Missing why={found.missing["seff"]} /> : <Seff of={found.seff} />}
          </section>
        </div>
        <h2>Files</h2>
        <Files run={found} />
      </>
    ),
  };
};

const isOwn = ({ bucket }: RunRecord, configuration: Configuration, caller: Caller | null): boolean =>
  caller === null || caller.admin || bucket === submitterBucket(configuration, caller.name);

const Facts = ({ run }: { run: RunRecord }) => (
  <dl class="facts">
    <dt>Batch file</dt>
    <dd>{run.name}</dd>
    <dt>Target</dt>
    <dd>{run.target}</dd>
    <dt>Slurm job</dt>
    <dd>{run.jobId ?? "not submitted yet"}</dd>
    <dt>User</dt>
    <dd>{run.user}</dd>
    <dt>Waited</dt>
    <dd>{ms(run.submittedAt, run.startedAt)}</dd>
    <dt>Ran</dt>
    <dd>{ranOf(run)}</dd>
    <dt>Exit code</dt>
    <dd>{run.exitCode ?? "–"}</dd>
    <dt>CPU</dt>
    <dd>
      <Bar percent={run.efficiency.cpuPercentage} label="CPU efficiency" />
    </dd>
    <dt>Memory</dt>
    <dd>
      <Bar percent={run.efficiency.memoryPercentage} label="Memory efficiency" />
      {run.used.memoryBytes !== undefined && ` ${bytes(run.used.memoryBytes)}`}
    </dd>
    {run.used.billingUnits !== undefined && (
      <>
        <dt>Billing units</dt>
        <dd>{run.used.billingUnits}</dd>
      </>
    )}
    {run.unreadable.length > 0 && (
      <>
        <dt>Not readable</dt>
        <dd class="bad">{run.unreadable.join("; ")}</dd>
      </>
    )}
  </dl>
);

/** The job's steps on one axis from its submission to its end. */
function Steps({ run: { sacct } }: { run: RunRecord }) {
  const nameOf = stepNames(sacct ?? {});
  const all = Object.values(sacct ?? {}).flatMap((step) => {
    const { metrics, metadata } = step;
    const { "start-time": start, "end-time": end, "elapsed-seconds": elapsed = 0 } = metrics;
    if (start === undefined) return [];
    return [{ name: nameOf(step), state: metadata["state"] ?? "", start, end: end ?? start + elapsed }];
  });
  const steps = all.slice(0, MOST_STEPS);
  if (steps.length === 0) return <Empty>Slurm has told no times of its steps yet.</Empty>;
  const from = Math.min(...steps.map(({ start }) => start));
  const length = Math.max(...steps.map(({ end }) => end), from + 1) - from;
  return (
    <>
      <h2>Steps</h2>
      <ul class="steps">
        {steps.map(({ name, state, start, end }) => (
          <li>
            <span>{name}</span>
            <svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label={`${name} ${state}`}>
              <rect class="track" width="100" height="10" />
              <rect
                class={isBad(state) ? "fill bad" : "fill"}
                x={((start - from) / length) * 100}
                width={Math.max(((end - start) / length) * 100, 0.5)}
                height="10"
              />
            </svg>
            <span class="quiet">
              <bdi>{state}</bdi> {duration((end - start) * 1000)}
            </span>
          </li>
        ))}
      </ul>
      <p class="quiet">
        from <Time at={from * 1000} /> to <Time at={(from + length) * 1000} />
      </p>
    </>
  );
}

function More({ run: { key, sacct } }: { run: RunRecord }) {
  const count = Object.keys(sacct ?? {}).length;
  if (count <= MOST_STEPS) return null;
  return (
    <p class="quiet">
      Shown are {MOST_STEPS} of {count} steps; <code>GET /interaction/arti/sacct/{key}</code> has all.
    </p>
  );
}

const Missing = ({ why = "it was not there yet" }: { why?: string | undefined }) => <Empty>None: {why}.</Empty>;

type Rows = NonNullable<RunRecord["sacct"]>;

/** A column for each step, so that they stand beside each other. */
function Sacct({ rows }: { rows: Rows }) {
  const steps = Object.values(rows).slice(0, MOST_STEPS);
  const fields = [...new Set(steps.flatMap(({ metadata, metrics }) => Object.keys({ ...metadata, ...metrics })))];
  return (
    <Table
      caption="What sacct says of each step"
      columns={["Field", ...steps.map(stepNames(rows))]}
      rows={fields.map((field) => ({ cells: [field, ...steps.map((step) => valueOf(step, field))] }))}
    />
  );
}

const Seff = ({ of }: { of: NonNullable<RunRecord["seff"]> }) => (
  <Table
    caption="What seff says"
    columns={["Field", "Value"]}
    rows={Object.keys({ ...of.metadata, ...of.metrics }).map((field) => ({ cells: [field, valueOf(of, field)] }))}
  />
);

/** What to call each step; with the job's number where there are several, as an array has. */
function stepNames(rows: Rows): (step: Rows[string]) => string {
  const jobs = new Set(Object.values(rows).map(({ metadata }) => metadata["job-id"]));
  return ({ metadata: { "job-id": job = "", "job-name": name = "step" } }) => (jobs.size > 1 ? `${job} ${name}` : name);
}

function valueOf({ metadata, metrics }: Rows[string], field: string) {
  const value = metrics[field];
  return value === undefined ? (metadata[field] ?? "") : figure(field, value);
}

/** A figure by the unit that its name ends in. */
function figure(name: string, value: number) {
  if (name.endsWith("-bytes")) return <span title={String(value)}>{bytes(value)}</span>;
  if (name.endsWith("-seconds")) return <span title={`${value} s`}>{duration(value * 1000)}</span>;
  if (/^(submit|start|end)-time$/.test(name)) return <Time at={value * 1000} />;
  if (name.endsWith("-percentage")) return `${value} %`;
  return String(value);
}

const Files = ({ run: { files } }: { run: RunRecord }) =>
  files.length === 0 ? (
    <Empty>None were stored.</Empty>
  ) : (
    <Table
      caption="Files that the job left"
      columns={["Bucket", "Key", "Size", "MD5"]}
      rows={files.map(({ bucket, key, size, md5 }) => ({
        cells: [bucket, key, bytes(size), md5 === null ? "too large to read for it" : <code>{md5}</code>],
      }))}
    />
  );
