/** `npm run allas`: an Allas of one's own beside the laptop platform, until Ctrl-C. */
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { s3Init, swiftInit } from "./init.ts";
import { startTwin } from "./twin.ts";

const PORT = Number(process.env["LOSSI_ALLAS_PORT"] ?? 7480);

if (spawnSync("radosgw", ["--version"]).status !== 0) {
  console.error(
    "Ceph's gateway is not installed; on Debian and Ubuntu:\n  sudo apt-get install --no-install-recommends ceph-mon ceph-osd radosgw ceph-common",
  );
  process.exit(1);
}
const twin = await startTwin({ folder: mkdtempSync(join(tmpdir(), "lossi-allas-")), port: PORT });
const { url, token } = await twin.swiftToken();
const { endpoint, region, accessKeyId, secretAccessKey } = twin.s3;
const init = (body: object): string =>
  `  curl http://127.0.0.1:7600/setup/config/init --json '${JSON.stringify(body)}'`;

console.log(`An Allas of your own is ready on ${twin.url}; Ctrl-C ends it, and it forgets everything.

S3     export AWS_ENDPOINT_URL=${endpoint} AWS_REGION=${region} AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}
Swift  export OS_STORAGE_URL=${url} OS_AUTH_TOKEN=${token}

Tell lossi to keep its objects there, through either:
${init(await swiftInit(twin, "demo"))}
${init(s3Init(twin, "demo"))}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void twin.stop().then(() => process.exit(0)));
}
