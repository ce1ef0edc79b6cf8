/** The two shapes of `orch/submit`, checked whole before anything is written. */
import * as z from "zod";

import { LossiError } from "../errors.ts";
import { explain, strict } from "../schema.ts";

const text = z.string().max(1024);
const name = text.min(1);
const list = <T extends z.ZodType>(item: T) => z.array(item).max(1000);
/** Whose bucket is meant. */
export const user = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\p{L}\p{N}._@+-]+$/u, "letters, digits and . _ @ + - only")
  .describe("letters of any script, digits and . _ @ + - only");

/** Unknown keys of a job request are not refused here: the template of the submitter decides which it knows. */
const environment = z.looseObject({
  "submission-modules": list(text).optional(),
  venv: z
    .looseObject({
      name: text.optional(),
      directory: text.optional(),
      "configuration-modules": list(text).optional(),
      packages: list(text).optional(),
    })
    .optional(),
});

const identity = strict({ id: z.union([z.string(), z.number()]), name: text });

export const jobRequest = z.looseObject({
  user: user.optional(),
  target: z.string().regex(/^hpc\/[a-z0-9][a-z0-9-]{0,62}$/, "expected hpc/ and a platform, such as hpc/puhti"),
  name,
  enviroment: environment.optional(),
  environment: environment.optional(),
  files: z
    .looseObject({
      provide: list(strict({ source: name, target: name, overwrite: z.boolean() })).optional(),
      store: list(strict({ source: name, target: name, remove: z.boolean() })).optional(),
    })
    .optional(),
  workflow: z.looseObject({ requires: list(identity).optional(), enables: list(identity).optional() }).optional(),
});

const place = strict({ place: name, path: text, value: name });
const transfer = strict({ source: place, target: place });

const platform = strict({
  configs: strict({
    modules: list(text).optional(),
    venv: strict({
      name: text.optional(),
      path: text.optional(),
      modules: list(text).optional(),
      packages: list(text).optional(),
    }).optional(),
  }).optional(),
  files: strict({
    send: list(strict({ transfer, overwrite: z.boolean() })).optional(),
    get: list(strict({ transfer, remove: z.boolean() })).optional(),
  }).optional(),
  jobs: z
    .array(strict({ path: name }))
    .min(1)
    .max(100),
});

export const orchestration = strict({
  user: user.optional(),
  name,
  platforms: z
    .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "a platform is named like puhti"), platform)
    .refine((platforms) => Object.keys(platforms).length > 0, "name at least one platform"),
});

type Orchestration = z.infer<typeof orchestration>;
type Place = z.infer<typeof place>;

/** A job as its object will say it, without flags; keys as existing clients spell them. */
export type Job = { target: string; name: string; [key: string]: unknown };

export type Submission = { user: string | null; shape: "job" | "orchestration"; jobs: Job[] };

/** Reads either shape. Throws `invalid` that says what would be right. */
export function parseSubmission(input: unknown): Submission {
  const isOrchestration = typeof input === "object" && input !== null && "platforms" in input;
  return isOrchestration
    ? fromOrchestration(checked(orchestration, input))
    : fromJobRequest(checked(jobRequest, input));
}

function checked<T extends z.ZodType>(schema: T, input: unknown): z.infer<T> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const shapes = "a job request has target and name, an orchestration has name and platforms";
  throw new LossiError("invalid", `${explain(parsed.error)} (${shapes})`);
}

function fromJobRequest({ user, environment, enviroment, ...job }: z.infer<typeof jobRequest>): Submission {
  if (environment !== undefined && enviroment !== undefined) {
    throw new LossiError("invalid", "enviroment and environment say the same; send one of them");
  }
  const spelt = enviroment ?? environment;
  return { user: user ?? null, shape: "job", jobs: [{ ...job, ...(spelt && { enviroment: spelt }) }] };
}

function fromOrchestration({ user, platforms }: Orchestration): Submission {
  const jobs = Object.entries(platforms).flatMap(([platformName, { configs, files, jobs }]) =>
    jobs.map(({ path }) => ({
      target: `hpc/${platformName}`,
      name: path,
      enviroment: {
        "submission-modules": configs?.modules ?? [],
        venv: {
          name: configs?.venv?.name ?? "",
          directory: configs?.venv?.path ?? "",
          "configuration-modules": configs?.venv?.modules ?? [],
          packages: configs?.venv?.packages ?? [],
        },
      },
      files: {
        provide: (files?.send ?? []).map(({ transfer, overwrite }) => ({ ...joined(transfer), overwrite })),
        store: (files?.get ?? []).map(({ transfer, remove }) => ({ ...joined(transfer), remove })),
      },
    })),
  );
  return { user: user ?? null, shape: "orchestration", jobs };
}

const joined = ({ source, target }: { source: Place; target: Place }) => ({
  source: joinPlace(source),
  target: joinPlace(target),
});

/** `place/path/value`, without the slash of an empty path. */
const joinPlace = ({ place, path, value }: Place): string =>
  [place, path, value].filter((part) => part !== "").join("/");

/** The key of a job in its bucket: a decimal without leading zeros. */
export const jobKey = z.string().regex(/^[1-9]\d{0,14}$/, "a job key is a decimal such as 3");

export const jobReference = strict({ key: jobKey, user: user.optional() });
export const startBody = strict({ user: user.optional() });
