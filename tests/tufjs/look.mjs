// tuf-js as a client of one index. Each line on standard input is a question, each line on standard output its answer:
//   {"base", "folder", "root"?, "now"?, "paths"} -> {"timestamp", "snapshot", "targets": {path: sha256 | null}} | {"error"}
// `base` is an address or a file: URL, `folder` keeps local metadata, `root` (base64) is trusted when the folder is new,
// `now` moves the clock.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";

const require = createRequire(join(process.cwd(), "package.json"));
const { BaseFetcher, Updater } = require("tuf-js");
const { DownloadHTTPError } = require(join(process.cwd(), "node_modules/tuf-js/dist/error.js"));

class FolderFetcher extends BaseFetcher {
  async fetch(url) {
    const path = fileURLToPath(url);
    if (!existsSync(path)) throw new DownloadHTTPError(`no ${path}`, 404);
    return new Response(readFileSync(path)).body;
  }
}

async function look({ base, folder, root, now, paths }) {
  const got = join(folder, "got");
  mkdirSync(got, { recursive: true });
  if (root && !existsSync(join(folder, "root.json"))) writeFileSync(join(folder, "root.json"), Buffer.from(root, "base64"));
  const updater = new Updater({
    metadataDir: folder,
    metadataBaseUrl: `${base}metadata`,
    targetDir: got,
    targetBaseUrl: base,
    ...(base.startsWith("file:") ? { fetcher: new FolderFetcher() } : {}),
  });
  if (now) updater.trustedSet.referenceTime = new Date(now);
  await updater.refresh();
  const targets = {};
  for (const path of paths) {
    const info = await updater.getTargetInfo(path);
    targets[path] = info ? createHash("sha256").update(readFileSync(await updater.downloadTarget(info))).digest("hex") : null;
  }
  const { timestamp, snapshot } = updater.trustedSet;
  return { timestamp: timestamp.signed.version, snapshot: snapshot.signed.version, targets };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await look(JSON.parse(line));
  } catch (error) {
    answer = { error: `${error.constructor.name}: ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
