/** What happens by itself when an object appears. */
import { describeAutomation, listAutomations } from "#shared/automations/automations.ts";
import type { Described, Stored } from "#shared/automations/automations.ts";
import type { Json } from "#shared/state/state.ts";
import { Act, Badge, Empty, Status, Table, Time } from "../parts.tsx";
import type { View } from "../view.ts";

export const automations: View = async ({ caller }, deps) => {
  const names = (await listAutomations(caller, deps.documents)).map(({ name }) => name);
  const all = await Promise.all(names.map((name) => describeAutomation(name, caller, deps)));
  return {
    title: "Automations",
    body: (
      <>
        <h1>Automations</h1>
        {all.length === 0 && (
          <Empty>
            Nothing is watched. <code>PUT /automation/{"{name}"}</code> names a bucket and a prefix, and what an object
            that appears there starts; the <a href="/docs">API page</a> has an example.
          </Empty>
        )}
        {all.map((one) => (
          <Shown one={one} />
        ))}
      </>
    ),
  };
};

function Shown({
  one: { name, watch, run, enabled, stopped, waiting, runs, "runs-per-hour": perHour },
}: {
  one: Described;
}) {
  const switched = (to: boolean): Json => ({ watch, run, "runs-per-hour": perHour, enabled: to }) as Json;
  return (
    <section id={`automation-${name}`} class="summary">
      <h2>
        {name}{" "}
        {stopped !== null ? (
          <Badge kind="bad">stopped</Badge>
        ) : (
          <Badge kind={enabled ? "good" : "calm"}>{enabled ? "on" : "off"}</Badge>
        )}
      </h2>
      <p>
        Watches <code>{`${watch.bucket}/${watch.prefix}*${watch.suffix}`}</code> and starts <bdi>{actionOf(run)}</bdi>;
        at most {perHour} runs in an hour.
      </p>
      {stopped !== null && (
        <p class="alert">
          It stopped by itself: <bdi>{stopped}</bdi>. Switch it on again when that is mended.
        </p>
      )}
      {waiting > 0 && <p>{waiting} objects appeared meanwhile; they start when it is on again.</p>}
      <p class="acts">
        {(stopped !== null || !enabled) && (
          <Act method="PUT" path={`/automation/${name}`} body={switched(true)} label={`Switch on ${name}`}>
            Switch on
          </Act>
        )}
        {enabled && (
          <Act method="PUT" path={`/automation/${name}`} body={switched(false)} label={`Switch off ${name}`}>
            Switch off
          </Act>
        )}
      </p>
      {runs.length === 0 ? (
        <Empty>It has not run yet.</Empty>
      ) : (
        <Table
          caption={`Last runs of ${name}`}
          columns={["When", "Object", "Task", "Outcome"]}
          rows={runs.map(({ at, key, task, status, reason }) => ({
            cells: [
              <Time at={Date.parse(at)} />,
              <code>{key}</code>,
              task === null ? "–" : <a href={`/monitor/tasks/${task}`}>{task.slice(0, 8)}</a>,
              status === null ? (reason ?? "sent an event") : <Status of={status} />,
            ],
          }))}
        />
      )}
    </section>
  );
}

function actionOf(run: Stored["run"]): string {
  if ("event" in run) return `the event ${run.event.type}`;
  if ("task" in run) return `the task ${run.task.name}`;
  return "a job";
}
