// The page: a video goes out, lines of JSON about its way come in, the last one with the answer. Nothing is kept.

const TASKS = { islr: 'one sign', cslr: 'signs in order', slt: 'a sentence' };
const PARTS = { body: 'Body', face_all: 'Face', right: 'Right hand', left: 'Left hand' };
const RECORDINGS = ['video/webm;codecs=vp9', 'video/webm;codecs=vp8', 'video/webm', 'video/mp4'];
const POSE_FILE = /\.(npz|pkl|pickle|pose)$/i;
const SVG = 'http://www.w3.org/2000/svg';

const at = (id) => document.getElementById(id);
const percent = (share) => (share >= 0.9995 ? '100' : (100 * share).toFixed(share < 0.0995 ? 1 : 0)) + ' %';
const sizeOf = ({ size }) => (size < 1e6 ? `${Math.ceil(size / 1e3)} kB` : `${(size / 1e6).toFixed(1)} MB`);
const seconds = (value) => value.toFixed(value < 9.95 ? 1 : 0) + ' s';

let page = null; // what the server offers
let video = null; // the chosen or recorded video, a File
let recorder = null;
let request = null; // of the clip under way, to cancel it

function make(name, text = '', attributes = {}) {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function show(id, shown = true) {
  at(id).hidden = !shown;
}

function say(...words) {
  at('status').replaceChildren(...words);
}

function complain(text) {
  at('problem').textContent = text;
  show('problem', Boolean(text));
}

// A URL for something in the page's memory; the one that the element had before is given back.
function give(element, blob) {
  if (element.src) URL.revokeObjectURL(element.src);
  if (blob) element.src = URL.createObjectURL(blob);
  else element.removeAttribute('src');
  element.load();
}

// ---- the clip

function choose(file) {
  complain('');
  say();
  if (video && file) at('poses').value = ''; // they belong to the video before
  video = file;
  give(at('preview'), file?.size ? file : null);
  show('preview', Boolean(file?.size));
  show('empty', !file?.size);
  at('chosen').textContent = file ? `${file.name}, ${sizeOf(file)}` : '';
}

function takeFiles(files) {
  const videosFirst = [...files].sort((one, other) => POSE_FILE.test(one.name) - POSE_FILE.test(other.name));
  for (const file of videosFirst) {
    if (POSE_FILE.test(file.name)) {
      const transfer = new DataTransfer();
      transfer.items.add(file);
      at('poses').files = transfer.files;
      at('more').open = true;
    } else {
      choose(file);
    }
  }
}

async function startRecording() {
  complain('');
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 } } });
  } catch (error) {
    const denied = error.name === 'NotAllowedError';
    complain(denied ? 'The browser does not let this page use the camera. Allow it in the address bar.' : 'No camera was found.');
    return;
  }
  const type = RECORDINGS.find((kind) => MediaRecorder.isTypeSupported(kind));
  const pieces = [];
  const started = performance.now();
  recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 2_500_000 });
  const clock = setInterval(() => {
    const passed = (performance.now() - started) / 1000;
    at('record').textContent = `Stop (${Math.floor(passed)} s)`;
    if (passed > page.maxSeconds - 1) stopRecording();
  }, 250);
  recorder.ondataavailable = (event) => pieces.push(event.data);
  recorder.onstop = () => {
    clearInterval(clock);
    for (const track of stream.getTracks()) track.stop();
    at('camera').srcObject = null;
    show('camera', false);
    at('record').textContent = 'Record again';
    at('record').classList.remove('recording');
    recorder = null;
    at('translate').disabled = false;
    const name = type.includes('mp4') ? 'recording.mp4' : 'recording.webm';
    choose(new File(pieces, name, { type }));
    say('Recorded.');
  };
  choose(null);
  at('video').value = '';
  at('poses').value = '';
  at('camera').srcObject = stream;
  show('camera');
  show('empty', false);
  at('record').textContent = 'Stop (0 s)';
  at('record').classList.add('recording');
  at('translate').disabled = true;
  await at('camera').play();
  recorder.start(1000);
  say('Recording.');
}

function stopRecording() {
  if (recorder && recorder.state !== 'inactive') recorder.stop();
}

// ---- the way there

function refuse() {
  if (!video) return 'Choose a video first, or record one.';
  if (!video.size) return `${video.name}: the file is empty (0 bytes).`;
  if (video.size > page.maxMegabytes * 1e6) return `${video.name}: larger than ${page.maxMegabytes} MB.`;
  const poses = at('poses').files[0];
  if (poses && poses.size > page.maxPoseMegabytes * 1e6) return `${poses.name}: larger than ${page.maxPoseMegabytes} MB.`;
  return '';
}

function follow(line) {
  const before = line.before || 0;
  const words = {
    waiting: before ? `Waiting; ${before} ${before === 1 ? 'clip comes' : 'clips come'} first.` : 'Waiting.',
    checking: 'Looking at the video.',
    keypoints: 'Finding the keypoints.',
    model: 'Reading the signs.',
  };
  const text = words[line.step];
  if (text && at('status').textContent !== text) say(text); // a change only, so that it is read aloud once
  if (line.percent === undefined) at('bar').removeAttribute('value');
  else at('bar').value = line.percent;
}

async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

async function translate() {
  const problem = refuse();
  complain(problem);
  if (problem) return;
  const poses = at('poses').files[0];
  const asked = new URLSearchParams({
    model: at('model').value,
    lang: at('lang').value,
    video: video.name,
    video_bytes: video.size,
    poses: poses ? poses.name : '',
    pose_bytes: poses ? poses.size : 0,
  });
  request = new AbortController();
  busy(true);
  show('found', false); // of another clip
  show('none');
  const started = performance.now();
  let last = null;
  let answer = null;
  try {
    const response = await fetch(`/api/translate?${asked}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: new Blob(poses ? [video, poses] : [video]),
      signal: request.signal,
    });
    if (!response.ok) {
      const text = await response.text();
      complain(text.startsWith('{') ? JSON.parse(text).problem : text);
    } else {
      for await (const line of linesOf(response)) {
        last = line;
        follow(line);
        if (line.answer) {
          answer = line.answer;
          present(answer, (performance.now() - started) / 1000);
        }
      }
      if (last?.step === 'done') presentEvidence(answer, last.evidence);
      else complain(last?.problem || 'The connection ended before the answer came. Please try again.');
    }
  } catch (error) {
    if (error.name !== 'AbortError') complain('The computer that runs this page cannot be reached. Is it still running?');
  }
  show('drawing', false);
  if (!answer) say(request.signal.aborted ? 'Cancelled.' : '');
  request = null;
  busy(false);
}

function busy(is) {
  at('translate').disabled = is;
  at('record').disabled = is || !canRecord();
  at('video').disabled = is;
  show('cancel', is);
  show('progress', is);
  at('bar').removeAttribute('value');
  if (is) say('Sending the video.');
  at('form').setAttribute('aria-busy', String(is));
}

// ---- the answer

function present(answer, took) {
  show('none', false);
  show('found');
  const text = answer.text || '(nothing)';
  at('answer').textContent = text;
  at('answer').lang = answer.lang;
  at('about').textContent = `${answer.model}, ${TASKS[answer.task]}`;
  takeNote(answer.note);
  show('evidence', false);
  show('drawing');
  presentOthers(answer);
  at('total').textContent = `Answered in ${seconds(took)}`;
  at('seconds').replaceChildren();
  const steps = { checking: 'Looking at the files', keypoints: 'Keypoints', pipeline: 'Preparing the clip', model: 'Model' };
  for (const [name, label] of Object.entries(steps)) {
    if (answer.seconds[name] === undefined) continue;
    at('seconds').append(make('dt', label), make('dd', `${answer.seconds[name].toFixed(2)} s`));
  }
  say('Answer: ', make('span', text, { lang: answer.lang }), answer.nbest.length ? ` (${percent(answer.score)})` : '');
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (at('result').getBoundingClientRect().top > innerHeight * 0.6) {
    at('answer-title').scrollIntoView({ behavior: calm ? 'auto' : 'smooth', block: 'start' });
  }
}

function presentEvidence(answer, evidence) {
  const problem = evidence.drawing_problem;
  takeNote([answer.note, problem && `Drawn without the video: ${problem}`].filter(Boolean).join(' '));
  presentVideo(evidence);
  presentHands(answer, evidence);
  presentParts(evidence);
  show('evidence');
}

function takeNote(text) {
  at('note').textContent = text;
  show('note', Boolean(text));
}

function presentOthers(answer) {
  at('nbest').replaceChildren();
  for (const [text, score] of answer.nbest) {
    const item = make('li');
    item.append(make('span', text || '(nothing)', { lang: answer.lang }), make('span', percent(score)), bar(score));
    at('nbest').append(item);
  }
  show('others', answer.nbest.length > 0);
  at('nbest-note').textContent =
    answer.task === 'islr'
      ? 'How probable the model takes each word to be.'
      : 'How sure the model is of each reading, from word to word on average; they need not add up to 100 %.';
}

function drawing(kind, width, height) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', kind);
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const add = (x, y, w, h) => {
    const rect = document.createElementNS(SVG, 'rect');
    for (const [key, value] of Object.entries({ x, y, width: w, height: h })) rect.setAttribute(key, value);
    svg.append(rect);
  };
  return [svg, add];
}

function bar(share) {
  const [svg, add] = drawing('bar', 100, 1);
  add(0, 0, 100 * Math.min(Math.max(share, 0), 1), 1);
  return svg;
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function presentVideo(evidence) {
  const drawn = at('drawn');
  [drawn.width, drawn.height] = evidence.size;
  give(drawn, new Blob([bytesOf(evidence.video)], { type: 'video/mp4' }));
  const boxes = evidence.hands?.length ? ' A box marks each picture of a hand that it looked at.' : '';
  at('drawn-caption').textContent = `Left arm and hand in warm colours, right ones in cool colours; red rings where a point was too unsure to be read.${boxes}`;
}

function presentHands(answer, { clip_frames, parts, hands }) {
  const points = parts.reduce((sum, part) => sum + part.points, 0);
  const read = `It read ${answer.num_frames} of ${clip_frames} frames, ${points} keypoints in each`;
  at('hands').replaceChildren();
  if (hands === null) {
    at('looked').textContent =
      `${read}. This model reads keypoints alone: it saw no pictures. It cannot tell which of them decided the answer.`;
    return;
  }
  const pictures = hands.length ? 'and, where the keypoints were least sure, pictures of the hands' : 'but no picture of a hand';
  at('looked').textContent = `${read}, ${pictures}.`;
  for (const side of ['right', 'left']) {
    const cards = hands.filter((card) => card.side === side);
    if (!cards.length) continue;
    const list = make('ul', '', { class: 'cards' });
    for (const card of cards) list.append(handCard(card));
    at('hands').append(make('h4', PARTS[side], { class: side }), list);
  }
  const words = [];
  if (hands.some((card) => card.places)) {
    words.push('Above: what the model saw, with the keypoints. Below: the dots are where it read the picture for each of them.');
  }
  if (hands.some((card) => card.gate !== null)) {
    words.push('The percentage is the share of the picture in what the model goes on with; the rest is the keypoints\u2019.');
  }
  if (words.length) at('hands').append(make('p', words.join(' '), { class: 'small' }));
}

function handCard(card) {
  const name = `${PARTS[card.side]} at ${card.seconds.toFixed(2)} s`;
  const item = make('li');
  const picture = (data, alt) => make('img', '', { src: `data:image/jpeg;base64,${data}`, alt, width: 240, height: 240 });
  item.append(picture(card.picture, `${name}, with its keypoints`));
  if (card.places) item.append(picture(card.places, `${name}: where the model read the picture`));
  const share = card.gate === null ? '' : ` · ${percent(card.gate)}`;
  item.append(make('p', `${card.seconds.toFixed(2)} s${share}`, { class: 'small' }));
  return item;
}

function presentParts(evidence) {
  at('parts').replaceChildren();
  for (const part of evidence.parts) {
    const [svg, add] = drawing(`strip ${part.name}`, part.strip.length, 1);
    part.strip.forEach((share, place) => add(place, 1 - share, 1.02, share));
    addStrip(PARTS[part.name], `${percent(part.seen)} of ${part.points} points`, svg);
  }
  const [svg, add] = drawing('strip read', evidence.clip_frames, 1);
  for (const frame of evidence.read) add(frame, 0, 0.8, 1);
  addStrip('Frames that the model read', `${evidence.read.length} of ${evidence.clip_frames}`, svg);
}

function addStrip(label, figure, svg) {
  const name = make('dt', label);
  name.append(make('span', figure));
  const strip = make('dd');
  strip.append(svg);
  at('parts').append(name, strip);
}

// ---- start

function canRecord() {
  return Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);
}

function offerLanguages() {
  const model = page.models.find((one) => one.name === at('model').value);
  const before = at('lang').value;
  at('lang').replaceChildren(...model.languages.map(({ code, name }) => make('option', name, { value: code })));
  if (model.languages.some(({ code }) => code === before)) at('lang').value = before;
}

async function start() {
  page = await (await fetch('/api/page')).json();
  at('privacy').textContent = page.local
    ? 'Your video stays on this computer, and is deleted as soon as it is answered.'
    : `Your video goes to ${location.hostname}, unencrypted, and is deleted there as soon as it is answered.`;
  at('limits').textContent = `At most ${page.maxSeconds} seconds and ${page.maxMegabytes} MB.`;
  at('model').replaceChildren(...page.models.map((model) => make('option', `${model.name} (${TASKS[model.task]})`, { value: model.name })));
  offerLanguages();
  busy(false);
  if (!canRecord()) at('record').textContent = 'Recording needs https or localhost';
}

at('model').addEventListener('change', offerLanguages);
at('video').addEventListener('change', (event) => event.target.files[0] && choose(event.target.files[0]));
at('record').addEventListener('click', () => (recorder ? stopRecording() : startRecording()));
at('cancel').addEventListener('click', () => request?.abort());
at('form').addEventListener('submit', (event) => {
  event.preventDefault();
  translate();
});
for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  at('form').addEventListener(kind, (event) => {
    event.preventDefault();
    at('stage').classList.toggle('over', kind.startsWith('drage') || kind === 'dragover');
    if (kind === 'drop' && !request && !recorder) takeFiles(event.dataTransfer.files);
  });
}
start().catch(() => complain('The computer that runs this page cannot be reached. Is it still running?'));
