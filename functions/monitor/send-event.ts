/** A test event by hand, checked like any other. */
import { catalogue } from "#events/index.ts";
import { LossiError } from "#shared/errors.ts";
import type { Announcer } from "#shared/outbox/announcer.ts";
import { parse } from "#shared/schema.ts";
import type { Json, Outbox } from "#shared/state/state.ts";
import { announcement } from "#shared/tasks/accept.ts";

export type Deps = { outbox: Outbox; announcer: Announcer; source: string };

/** Announces an event of the catalogue; answers its id. Throws `invalid`. */
export async function sendEvent(
  { type, data, subject }: { type: string; data: Json; subject?: string | undefined },
  { outbox, announcer, source }: Deps,
): Promise<string> {
  const known = catalogue.find((event) => event.type === type);
  if (known === undefined)
    throw new LossiError("invalid", `body: type: expected one of ${catalogue.map((event) => event.type).join(", ")}`);
  const checked = parse(known.data, data, "body: data") as { key?: string; taskId?: string };
  // As lossi's own: the Triggers look at it.
  const about = subject ?? (checked.key === undefined ? checked.taskId : encodeURI(checked.key.toWellFormed()));
  const event = { type, source, data: checked, ...(about !== undefined && { subject: about }) };
  const announcements = [announcement(event)];
  await outbox.add(announcements);
  announcer.announce(announcements);
  return announcements[0]?.id as string;
}
