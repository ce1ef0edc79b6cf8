/** What leads where, and for how long yet. */
import { showForwards } from "#shared/forwards/shown.ts";
import type { ShownForward } from "#shared/forwards/shown.ts";
import { Act, Badge, Empty, Table, Time } from "../parts.tsx";
import type { View } from "../view.ts";

export const forwards: View = async ({ caller }, { documents, cluster }) => {
  const all = await showForwards(caller, { documents, cluster }, { check: false });
  return {
    title: "Forwards",
    body: (
      <>
        <h1>Forwards</h1>
        {all.length === 0 ? (
          <Empty>
            Nothing is forwarded. Send <code>POST /interaction/forw/submit/none/none</code> with imports or exports, as
            the <a href="/docs">API page</a> shows.
          </Empty>
        ) : (
          <Table
            caption="Forwards, imports first"
            columns={["Name", "Kind", "User", "Reached at", "Leads to", "Health", "Ends", "Do"]}
            rows={all.map((forward) => ({ id: `forward-${forward.kind}-${forward.name}`, cells: rowOf(forward) }))}
          />
        )}
      </>
    ),
  };
};

const KINDS = { up: "good", down: "bad", unknown: "calm" } as const;

const rowOf = ({ name, kind, user, key, address, local, target, health, expiresAt }: ShownForward) => [
  name,
  kind,
  user,
  <>
    <code>{address}</code>
    {local !== null && local !== address && (
      <>
        {" "}
        or <code>{local}</code>
      </>
    )}
  </>,
  target,
  <>
    <Badge kind={KINDS[health.state]}>{health.state}</Badge> <bdi>{health.reason}</bdi>{" "}
    {health.checkedAt !== null && <Time at={health.checkedAt} relative />}
  </>,
  <Time at={expiresAt === null ? null : Date.parse(expiresAt)} relative />,
  key > 0 && (
    <span class="acts">
      <Act path={`/forwards/${kind}/${name}/extend`} label={`Extend ${name}`}>
        Extend
      </Act>
      <Act
        path={`/interaction/forw/stop/${user}/${kind === "import" ? `${key},0` : `0,${key}`}`}
        confirm={`Stop ${name}? Its connections are cut.`}
        label={`Stop ${name}`}
      >
        Stop
      </Act>
    </span>
  ),
];
