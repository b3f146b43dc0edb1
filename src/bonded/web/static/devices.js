// Security devices and passkeys (WebAuthn level 3). A form with data-device asks the browser's device when it is sent, puts the
// answer into its field, and goes on as an ordinary form. All words come from the page.

const forms = document.querySelectorAll("form[data-device]");
let waiting = null;
let sent = false;

function says(form, words) {
  form.querySelector("[data-says]").textContent = words;
}

function supported() {
  return Boolean(window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON);
}

async function ask(form, mediation) {
  const raw = JSON.parse(form.dataset.options);
  if (form.dataset.device === "create") {
    raw.extensions = { ...raw.extensions, credProps: true };
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(raw);
    return navigator.credentials.create({ publicKey });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(raw);
  waiting = new AbortController();
  return navigator.credentials.get({ publicKey, mediation, signal: waiting.signal });
}

function send(form, credential) {
  form.elements[form.dataset.field].value = JSON.stringify(credential.toJSON());
  sent = true;
  form.submit();
}

async function answer(form, mediation) {
  says(form, "");
  try {
    const credential = await ask(form, mediation);
    if (credential) send(form, credential);
  } catch (error) {
    if (error.name === "AbortError" || mediation === "conditional") return;
    says(form, error.name === "InvalidStateError" ? form.dataset.known : form.dataset.cancelled);
  }
}

for (const form of forms) {
  form.querySelector("[data-without-script]").hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (sent) return; // the answer is under way, and what it answers can be answered once
    if (!supported()) {
      says(form, form.dataset.unsupported);
      return;
    }
    if (waiting) waiting.abort();
    answer(form, "optional");
  });
}

window.addEventListener("pageshow", () => {
  sent = false;
});

const autofill = document.querySelector("form[data-autofill]");
if (autofill && supported() && PublicKeyCredential.isConditionalMediationAvailable) {
  PublicKeyCredential.isConditionalMediationAvailable().then((can) => {
    if (can) answer(autofill, "conditional");
  });
}
