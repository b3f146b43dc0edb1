// Download one wheel through TUF: node install.mjs INDEX ROOT.JSON PROJECT==VERSION FOLDER   (needs: npm install tuf-js)
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Updater } from "tuf-js";

const [index, root, wanted, folder] = process.argv.slice(2);
const [name, version] = wanted.split("==");
const project = name.toLowerCase().replace(/[-_.]+/g, "-");
const state = join(folder, "tuf-state");
const pages = join(state, "pages");
mkdirSync(pages, { recursive: true });
// The root that you trust is copied once; afterwards the folder remembers what was seen, which is what stops rollbacks.
if (!existsSync(join(state, "root.json"))) copyFileSync(root, join(state, "root.json"));

// Everything about signatures, versions, expiry, lengths and hashes of metadata and pages happens in here.
const updater = new Updater({
  metadataDir: state,
  metadataBaseUrl: new URL("metadata", index).href,
  targetDir: pages,
  targetBaseUrl: index,
});
await updater.refresh();
const info = await updater.getTargetInfo(`simple/${project}/index.json`);
if (!info) throw new Error(`the index has no project ${project}`);
const page = JSON.parse(readFileSync(await updater.downloadTarget(info), "utf8"));

const fits = (file) => file.filename.endsWith(".whl") && file.filename.split("-")[1] === version;
const file = page.files.find(fits);
if (!file) throw new Error(`no wheel of ${project} is version ${version}`);

// The page is verified, so its size and sha256 are as good as signed.
const address = new URL(file.url, new URL(`simple/${project}/`, index));
const answer = await fetch(address, { headers: { "Accept-Encoding": "identity" } });
if (!answer.ok) throw new Error(`${address} answers ${answer.status}`);
const pieces = [];
let size = 0;
for await (const piece of answer.body) {
  size += piece.length;
  if (size > file.size) throw new Error(`${file.filename} is longer than the index signed`);
  pieces.push(piece);
}
const data = Buffer.concat(pieces);
if (size !== file.size || createHash("sha256").update(data).digest("hex") !== file.hashes.sha256) {
  throw new Error(`${file.filename} is not what the index signed`);
}
writeFileSync(join(folder, basename(file.filename)), data);
console.log(file.filename);
