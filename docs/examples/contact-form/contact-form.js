// Sends the form without leaving the page, and shows the result as a text.
// Without this script the same form works too: the browser posts it, and shows the page named in `redirect`.

const SENT = 'Thank you. Your message has been sent.'
const NO_ANSWER = 'The mail service cannot be reached at the moment. What you wrote is still here: please try again later.'
const PATIENCE_MS = 60_000

// What the visitor can do about it, by the answer's code; any other answer is shown in its own words.
const WORDS = {
  filled_too_fast: () => 'That was quick. Please press Send again in a moment.',
  rate_limited: (wait) => `You have sent several messages already. Please try again in ${wait}.`,
  mail_server_unreachable: () => NO_ANSWER,
  mail_server_busy: () => NO_ANSWER,
  temporarily_refused: () => NO_ANSWER,
  too_many_requests: () => NO_ANSWER,
  request_in_flight: () => 'Your message is being sent. Please press Send again in a moment to see the result.',
  outcome_unknown: () => 'Your message was probably sent, but this could not be confirmed. Please do not send it again right away.',
}

for (const form of document.querySelectorAll('form.contact')) {
  form.elements.form_opened_at.value = Date.now()
  renewKey(form)
  form.addEventListener('input', () => renewKey(form))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (form.getAttribute('aria-busy') !== 'true') send(form)
  })
}

// The same words are sent once, however often Send is pressed: what got no answer may have been sent all the same.
function renewKey (form) {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  form.dataset.key = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

async function send (form) {
  forgetErrors(form)
  setBusy(form, true)
  say(form, 'Sending your message …')
  try {
    const response = await fetch(form.action, {
      method: 'POST',
      headers: { Accept: 'application/json', 'Idempotency-Key': form.dataset.key },
      body: new FormData(form),
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    show(form, await response.json(), response.headers.get('Retry-After'))
  } catch {
    say(form, NO_ANSWER, 'failed')
  } finally {
    setBusy(form, false)
  }
}

function show (form, answer, retryAfter) {
  if (answer.success) {
    form.reset()
    form.elements.form_opened_at.value = Date.now()
    renewKey(form)
    say(form, SENT, 'sent')
    return
  }
  const fields = Object.entries(answer.errors ?? {}).map(([name, problem]) => mark(form, name, problem)).filter(Boolean)
  const words = WORDS[answer.code]
  say(form, fields.length ? 'Please correct the marked fields.' : words ? words(waiting(retryAfter)) : answer.message, 'failed')
  fields[0]?.focus()
}

// Marks a field that the visitor can see, with the problem right below it, and returns it.
function mark (form, name, problem) {
  const field = form.elements[name]
  if (!(field instanceof HTMLElement) || field.type === 'hidden') return null
  const error = document.createElement('p')
  error.className = 'error'
  error.id = `${field.id}-error`
  error.textContent = /^[A-Z]/.test(problem) ? `${problem}.` : `This ${problem}.`
  field.after(error)
  field.setAttribute('aria-invalid', 'true')
  field.setAttribute('aria-describedby', error.id)
  return field
}

function forgetErrors (form) {
  for (const error of form.querySelectorAll('.error')) error.remove()
  for (const field of form.querySelectorAll('[aria-invalid]')) {
    field.removeAttribute('aria-invalid')
    field.removeAttribute('aria-describedby')
  }
}

// aria-disabled, not disabled: a disabled button would lose the focus.
function setBusy (form, busy) {
  form.setAttribute('aria-busy', String(busy))
  form.querySelector('button').setAttribute('aria-disabled', String(busy))
}

function say (form, words, kind = '') {
  const status = form.querySelector('.status')
  status.className = `status ${kind}`
  status.textContent = words
}

function waiting (seconds) {
  if (!seconds) return 'a while'
  return seconds < 90 ? `${seconds} seconds` : seconds < 5400 ? `${Math.ceil(seconds / 60)} minutes` : `${Math.ceil(seconds / 3600)} hours`
}
