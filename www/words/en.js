// Every word that the scripts say, in English. Words that never change stand in the HTML pages.
// Another language is another file with the same names: strings, and functions where a number or a name goes in.

const number = new Intl.NumberFormat('en');
const n = value => number.format(value);
const count = (value, one, many) => `${n(value)} ${value === 1 ? one : many}`;
const small = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const spelled = value => small[value] ?? n(value);
const capital = text => text[0].toUpperCase() + text.slice(1);
const ordinal = value => ['', 'first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth'][value] ?? `${value}th`;
const list = names => new Intl.ListFormat('en', { type: 'conjunction' }).format(names);
/** How long something will still take. */
const about = s => (s < 90 ? `about ${Math.max(1, Math.round(s))} s` : s < 5400 ? `about ${Math.round(s / 60)} min` : `about ${Math.round(s / 3600)} h`);
const machines = value => count(value, 'machine', 'machines');

export default {
  locale: 'en-GB',
  number: n,
  list,

  units: ['bytes', 'KB', 'MB', 'GB', 'TB'],
  kinds: {
    'application/pdf': 'PDF',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'DOCX',
    'application/vnd.oasis.opendocument.text': 'ODT',
    'application/msword': 'DOC',
    'text/markdown': 'Markdown',
    'text/plain': 'Text',
    'image/png': 'PNG',
    'image/jpeg': 'JPEG',
    'application/zip': 'ZIP',
  },
  kindFile: 'File',

  time: {
    now: 'just now',
    seconds: s => `${s} s ago`,
    minutes: m => `${m} min ago`,
    today: clock => `today, ${clock}`,
    yesterday: 'yesterday',
    silent: s =>
      s < 120
        ? `${s} s`
        : s < 7200
          ? `${Math.round(s / 60)} min`
          : s < 172800
            ? `${Math.round(s / 3600)} h`
            : `${Math.round(s / 86400)} days`,
    // How long ago something happened at most, for "checked in the last …".
    within: s =>
      s <= 60
        ? 'minute'
        : s <= 3600
          ? `${spelled(Math.max(2, Math.ceil(s / 60)))} minutes`
          : s <= 172800
            ? `${Math.max(2, Math.ceil(s / 3600))} hours`
            : `${Math.ceil(s / 86400)} days`,
  },

  leaveIt: 'Leave it',

  version: v => `version ${v}`,
  versionTitle: v => `Version ${v}`,
  firstVersion: 'first version',
  versions: v => `${n(v)} versions`,

  copy: {
    button: 'Copy link',
    done: 'Copied',
    keys: 'Press Ctrl C',
    said: 'It is copied.',
    saidKeys: 'It is selected. Press Ctrl C to copy it.',
  },

  // Who is signed in, and the dialog for it.
  who: {
    signIn: 'Sign in',
    roles: { reader: 'reader', contributor: 'contributor', maintainer: 'maintainer', admin: 'admin' },
    menu: (name, role) => `${name}, ${role}`,
    account: 'Your account',
    waiting: 'Uploads that wait',
    people: 'People and settings',
    signOut: 'Sign out',
    signedIn: name => `Signed in as ${name}.`,
    over: 'Your session is over. You are signed out.',
    failed: 'Signing out did not work.',
  },
  signIn: {
    title: 'Sign in',
    titles: { share: 'Sign in to share', change: 'Sign in to go on', read: 'Sign in to read' },
    open: 'Finding and reading syllabi needs no account.',
    closed: 'Here only people with an account find and read syllabi.',
    over: 'Nothing you typed is lost; it goes on when you are signed in.',
    name: 'Name',
    password: 'Password',
    show: 'Show password',
    button: 'Sign in',
    busy: 'Signing in …',
    cancel: 'Not now',
    needName: 'Type your name.',
    needPassword: 'Type your password.',
    wrong: 'That did not match.',
    wrongRest: 'Check the name and the password; capital letters count.',
    limited: 'Too many tries.',
    limitedRest: s => (s > 0 ? `Again possible in ${s} s.` : 'You can try again now.'),
    failed: 'Signing in did not work.',
  },

  footer: {
    updated: when => `Updated ${when}`,
    asOf: clock => `As of ${clock}`,
    lost: 'Not live. Trying again …',
    back: 'Up to date again.',
    offline: clock => (clock ? `You are offline. What you see is from ${clock}.` : 'You are offline.'),
    theme: { system: 'as the system', light: 'light', dark: 'dark' },
    shortcut: { on: 'on', off: 'off' },
  },

  // The state of the cluster: `short` is for the header, `strong` and `rest` for the Cluster page.
  health: {
    unknown: {
      short: 'State not known',
      strong: 'The state of the machines is not known.',
      rest: 'The answer did not come. We keep trying.',
    },
    ok: { short: 'All copies in place', strong: 'All copies in place.', rest: '' },
    allUp: nodes => ({
      short: 'All machines are up',
      strong: nodes === 1 ? 'The one machine is up.' : `All ${n(nodes)} machines are up.`,
      rest: '',
    }),
    moving: (missing, below, k, left_s) => ({
      short: `${count(missing, 'copy', 'copies')} on ${missing === 1 ? 'its' : 'their'} way`,
      strong: `${count(missing, 'copy is', 'copies are')} on ${missing === 1 ? 'its' : 'their'} way${left_s === null ? '' : `, ${about(left_s)}`}.`,
      rest: `Every file can be read${below ? `; ${n(below)} ${below === 1 ? 'has' : 'have'} fewer than ${k} copies until then` : ''}.`,
    }),
    changing: {
      short: 'The ring is changing',
      strong: 'The ring is changing.',
      rest: 'Every file can be read; reading and sharing go on.',
    },
    rebuilding: {
      short: 'The list is being rebuilt',
      strong: 'The list of courses is being rebuilt.',
      rest: 'Each course can still be had by its whole name. Sharing goes on.',
    },
    silent: (names, silent, out, missing) => ({
      short: names.length === 1 ? `${names[0]} is silent` : `${names.length} machines are silent`,
      strong: `${list(names)} ${names.length === 1 ? 'has' : 'have'} been silent${silent ? ` for ${silent}` : ''}.`,
      rest:
        (out
          ? `If ${names.length === 1 ? 'it is' : 'they are'} not back by ${out} the copies are made again elsewhere.`
          : `Reads and uploads go round ${names.length === 1 ? 'it' : 'them'}; what was missed follows when ${names.length === 1 ? 'it is' : 'they are'} back.`) +
        (missing ? ` ${count(missing, 'copy is', 'copies are')} missing until then.` : ''),
    }),
    noWrites: (up, needed, k) => ({
      short: `${up} of ${k} machines can write`,
      strong: `Only ${up} of ${k} machines can write right now.`,
      rest: `${capital(spelled(needed))} are needed before a syllabus counts as shared. Reading goes on where a copy is left.`,
    }),
    unreadable: (files, names) => ({
      short: `${count(files, 'file', 'files')} cannot be read`,
      strong: `${count(files, 'file', 'files')} cannot be read${names.length ? `: ${list(names)} ${names.length === 1 ? 'is' : 'are'} away` : ''}.`,
      rest: 'Nothing is lost while those machines keep their disks. We keep trying.',
    }),
    noLeader: {
      short: 'No leader right now',
      strong: 'No leader right now.',
      rest: 'Reading and sharing go on; a new one is being chosen.',
    },
    away: clock => ({
      short: 'The shared index is away',
      strong: 'The shared index is away.',
      rest: clock ? `The picture is from ${clock}.` : 'The machines and the files on them are untouched.',
    }),
  },

  find: {
    title: 'Find a course’s syllabus · Ringbinder',
    searched: q => `“${q}” · Ringbinder`,
    lead: (courses, k) => {
      const kept = k === 1 ? 'one machine' : `${spelled(k)} machines`;
      if (courses === 0) return `No course is filed here yet. Each will be kept on ${kept}.`;
      return courses === 1 ? `One course is filed here, kept on ${kept}.` : `${n(courses)} courses are filed here, each kept on ${kept}.`;
    },
    newest: 'Newest',
    byName: 'By name',
    looking: 'Looking …',
    found: (shown, more) => (more ? `The first ${n(shown)} courses` : count(shown, 'course', 'courses')),
    anyTerm: 'Any term',
    inTerm: term => ` in ${term}`,
    download: course => `Download ${course}`,
    next: (step, total) => (total ? `Show the next ${n(step)} of ${n(total)} courses` : `Show the next ${n(step)}`),
    more: (added, shown) => `${count(added, 'more course', 'more courses')}, ${n(shown)} now.`,
    empty: {
      title: 'This binder is empty.',
      text: k => `Share the first syllabus and it will be kept on ${k ? spelled(k) : 'several'} machines, easy to find for everyone.`,
      share: 'Share a syllabus',
    },
    nothing: {
      title: q => `Nothing is filed under “${q}”.`,
      titleTerm: (q, term) => (q ? `Nothing is filed under “${q}” in ${term}.` : `Nothing is filed in ${term}.`),
      mean: 'Did you mean ',
      or: ' or ',
      end: '? ',
      looked: courses =>
        courses === 1 ? 'We looked at the one course filed here.' : `We looked at ${n(courses)} course names, their titles and teachers.`,
      share: q => `Share a syllabus for “${q}”`,
      clear: 'Clear the search',
      anyTerm: 'Look in any term',
    },
    away: {
      strong: 'The index is away. Finding by course still works.',
      rest: 'Type a whole course name and we ask the machines that keep it. Titles and teachers come back with the index.',
      again: s => ` Trying again in ${s} s.`,
      trying: ' Trying again now …',
      direct: 'Straight from the machines that keep it',
      none: q => `The machines keep nothing under exactly “${q}”.`,
    },
    error: { strong: 'The list could not be loaded.', again: 'Try again' },
  },

  error: {
    lost: 'The connection broke. We keep trying.',
    request: id => `Request ${id}. Tell an operator this number if it happens again.`,
    again: 'Try again',
  },

  share: {
    title: 'Share a syllabus · Ringbinder',
    sharingTitle: course => `Sharing ${course} · Ringbinder`,
    doneTitle: course => `${course} is shared · Ringbinder`,
    h1: 'Share a syllabus',
    sharing: course => `Sharing ${course}`,
    fresh: 'New course. It will be the first version.',
    filed: 'Already filed: ',
    filedLink: (versions, when) => `${count(versions, 'version', 'versions')}, newest ${when}`,
    filedRest: (version, one) => `. Yours becomes version ${version}; the ${one ? 'other stays' : 'others stay'}.`,
    reuse: 'Use its title and teacher',
    reused: 'Title and teacher are filled in.',
    drop: 'Drop the file here',
    letGo: course => (course ? `Let go to file it under ${course}` : 'Let go to choose this file'),
    limits: 'PDF, DOCX, ODT, Markdown or text, up to 2 GiB',
    limitsShort: 'One file, up to 2 GiB',
    choose: 'Choose a file',
    change: 'Change',
    several: 'One file at a time here. For a whole folder: ',
    severalCode: 'ringbinder put --from-csv',
    needCourse: 'Type the course, for example CSEN 317.',
    badCourse: 'A course needs at least one letter or digit.',
    longCourse: 'A course has at most 128 characters.',
    controlCourse: 'A course cannot contain control characters.',
    needFile: 'Choose the file to share.',
    emptyFile: 'This file is empty. Choose one with something in it.',
    folder: 'This is a folder. Choose one file.',
    tooBig: size => `This file is ${size}; 2 GiB is the most.`,
    everybody: 'Anyone with the link can read it.',
    readers: 'Everyone with an account here can read it.',
    aboutDisk: (w, k) => `on at least ${w} of ${k} machines`,
    checkLeft: s => (s < 1.5 ? 'about 1 s' : `about ${Math.round(s)} s`),
    fingerprint: short => `Fingerprint ${short}`,
    byServer: 'Checked by the server',
    sendingName: file => `Sending ${file}`,
    sentOf: (sent, total) => `${sent} of ${total}`,
    rate: size => `${size}/s`,
    left: s =>
      s < 1.5
        ? 'about 1 s left'
        : s < 90
          ? `about ${Math.round(s)} s left`
          : s < 5400
            ? `about ${Math.round(s / 60)} min left`
            : `about ${Math.round(s / 3600)} h left`,
    sentPercent: p => `${p} % sent`,
    writing: (w, k) => (w ? `Writing to disk on at least ${w} of ${k} machines` : 'Writing to disk on the machines that keep it'),
    cancelled: 'Cancelled. Nothing was shared.',
    done: {
      h1: 'Your syllabus is shared.',
      line: (course, version, copies, k, clock) => {
        const rest = copies >= k ? '.' : copies === k - 1 ? `; the ${ordinal(k)} copy follows by itself.` : '; the other copies follow by themselves.';
        return `${course}, version ${version}, written to disk on ${copies} of ${k} machines at ${clock}${rest}`;
      },
      lineOnly: (course, version, copies, clock) => `${course}, version ${version}, written to disk on ${machines(copies)} at ${clock}.`,
      waitsTitle: course => `${course} waits · Ringbinder`,
      waitsLine: course => `${course} is written to disk, and nobody else sees it yet. When a maintainer has accepted it, it is shared. Your account says what became of it.`,
      sameH1: 'This one is filed already.',
      sameLine: course => `The current version of ${course} has exactly these bytes and fields, so nothing was changed.`,
      versionLink: v => `Link to version ${v} only`,
      onDisk: (name, zone) => (zone ? `${name}, zone ${zone}` : name),
      ours: ' is the one we computed before sending.',
      servers: ' was computed by the server.',
      stranger: ' is not the one we computed before sending. Please open the course page and compare.',
      said: course => `${course} is shared.`,
    },
    fail: {
      type: {
        strong: 'This file was not taken.',
        rest: 'Save it as PDF, DOCX, ODT, Markdown or plain text and choose it again. Nothing else you typed is lost.',
      },
      noWrites: (can, k) => `Not shared yet: only ${can} of ${k} machines can write right now.`,
      noWritesPlain: 'Not shared yet: too few machines can write right now.',
      noWritesRest: needed =>
        `${needed ? `${capital(spelled(needed))} are needed before we call it safe. ` : ''}Your file stays here, nothing half-done is visible.`,
      notYet: 'Not shared yet.',
      busy: 'Not known yet whether it is shared.',
      busyRest: 'The machines did not answer in time. Asking again finds out, and never makes a second version.',
      tryingIn: ' Trying again by ourselves in ',
      seconds: s => `${s} s`,
      tries: (next, all) => ` (try ${next} of ${all}).`,
      tryNow: 'Try now',
      stopTrying: 'Stop trying',
      stopped: 'Stopped trying. Your file stays here; press Share syllabus when you like.',
      changed: 'Stopped trying, because you changed something. Press Share syllabus when you are ready.',
      gaveUp: tries => `That was try ${tries}. Your file stays here; try again in a while.`,
      again: 'Try again',
      newer: version =>
        version ? `Someone shared version ${version} while you were working.` : 'Someone shared a newer version while you were working.',
      newerRest: 'Nothing of yours was shared yet, and nothing is lost.',
      newerSee: 'See what they shared',
      newerMine: version => (version ? `Share mine as version ${version}` : 'Share mine as the next version'),
      size: size => `This file is ${size}; this server does not take that much.`,
      quick: 'That was quick.',
      quickRest: s => (s > 0 ? `Again possible in ${s} s.` : 'You can share now.'),
      notSignedIn: 'Nothing was shared: that takes signing in.',
      notSignedInRest: 'Your file and all you typed are still here.',
      forbidden: 'Your account may not share this.',
      reader: 'It may find and read. Ask whoever looks after this Ringbinder for the right to share.',
      full: { strong: 'The machines are full.', rest: 'An operator has to add one; nothing was changed.' },
      broke: percent => `The connection broke at ${percent} %. Nothing was shared.`,
      brokeRest: 'Your file and all you typed are still here.',
      brokeLate: 'The connection broke while it was being written.',
      brokeLateRest: 'We cannot tell yet whether it is shared. Sending it again finds out, and never makes a second version.',
      offline: 'You are offline. Nothing was shared.',
      sendAgain: 'Send again',
      unread: { strong: 'The file can no longer be read.', rest: 'It was moved, changed or deleted after you chose it. Choose it again.' },
      other: 'This was not shared.',
      server: 'The server could not do this.',
    },
  },

  course: {
    title: (course, title) => `${course}${title ? ` ${title}` : ''} · Ringbinder`,
    looking: 'Looking …',
    download: kind => `Download ${kind}`,
    current: 'Current syllabus',
    older: version => `Version ${version}`,
    currentBadge: 'current',
    openFull: 'Open full size',
    previewOf: file => `Preview of ${file}`,
    openKind: kind => `Open the ${kind}`,
    noFrame: kind => `This browser shows no ${kind} inside a page.`,
    noPreview: kind => `There is no preview for this kind of file (${kind}).`,
    cut: size => `The first ${size} of the text. The file has the rest.`,
    previewLost: 'The preview could not be loaded. The download may still work.',
    previewGone: 'The bytes of this version were taken down.',
    previewAway: 'No machine that keeps this file answers right now.',
    restored: of => (of ? `Brings back version ${of}` : 'Brought back'),
    takenDown: 'Taken down',
    takenDownOf: of => (of ? `Version ${of} taken down` : 'A version taken down'),
    wasTakenDown: 'taken down',
    nextVersions: (step, total) => `Show the next ${n(step)} of ${n(total)} versions`,
    open: 'Open',
    openLabel: v => `Open version ${v}`,
    restore: 'Restore',
    restoreLabel: v => `Restore version ${v}`,
    remove: 'Take down …',
    removeLabel: v => `Take down version ${v} …`,
    by: who => ` by ${who}`,
    newerOpen: version => `Version ${version} was shared just now.`,
    changedOpen: 'This course has changed just now.',
    newerShow: 'Show it',
    olderOpen: (version, all) => `You are looking at version ${version} of ${all}.`,
    toCurrent: 'Go to the current one',
    noVersion: version => `There is no version ${version} of this course.`,
    noVersionRest: 'Here is the current one.',
    deleted: 'This syllabus was taken down.',
    deletedWhen: (when, who) => `${capital(when)}${who ? ` by ${who}` : ''}. Nothing was erased: the history is below.`,
    restoreLast: version => `Restore version ${version}`,
    restoredNote: (of, version) => ({
      strong: `Version ${of} is current again.`,
      rest: `It became version ${version}; nothing was overwritten.`,
    }),
    removedNote: version =>
      version
        ? { strong: `Version ${version} was taken down.`, rest: 'Restore in the history brings it back.' }
        : { strong: 'The syllabus was taken down.', rest: 'Restore brings it back.' },
    restoring: 'Restoring …',
    removing: 'Taking down …',
    failed: 'That did not work.',
    race: { strong: 'Someone changed this course meanwhile.', rest: 'Nothing was taken down. Look at it again first.' },
    ask: (course, version) => (version ? `Take down version ${version} of ${course}?` : `Take down ${course}?`),
    askText: version =>
      version
        ? 'The link to this version then says that it was taken down. Restore brings it back.'
        : 'The link then says that the syllabus was taken down. The history stays, and Restore brings it back.',
    none: name => `Nothing is filed under “${name}”.`,
    noneRest: 'The address may have a typing error, or nobody has shared it yet.',
    noneTitle: name => `${name}: not filed · Ringbinder`,
    share: name => `Share a syllabus for “${name}”`,
    findOther: 'Find a course',
    badName: 'This address holds no course name.',
    signedOut: { strong: 'That takes signing in.', rest: 'Nothing was changed.' },
    forbidden: 'Your account may not do that.',
    lost: { strong: 'This course could not be loaded.', rest: 'We keep trying.' },
  },

  peers: {
    title: 'Peers · Ringbinder',
    searched: q => `“${q}” on peers · Ringbinder`,
    looking: 'Looking …',
    found: (files, peers, more) => {
      if (more) return `The first ${n(files)} files`;
      return `${count(files, 'file', 'files')} ${peers > 0 ? `on ${count(peers, 'peer', 'peers')}` : 'in the ring'}`;
    },
    next: step => `Show the next ${n(step)}`,
    more: (added, shown) => `${count(added, 'more file', 'more files')}, ${n(shown)} now.`,
    changed: added => (added ? `${count(added, 'more file is', 'more files are')} shared now. Show ${added === 1 ? 'it' : 'them'}` : 'The list has changed. Show it'),
    same: peers => `same bytes on ${count(peers, 'peer', 'peers')}`,
    on: peer => `on ${peer}`,
    morePeers: peers => `and ${n(peers)} more`,
    left: 'no longer shared',
    plainOnly: 'only over the line protocol',
    kept: 'kept in the ring',
    alsoKept: 'also kept in the ring',
    mine: { ask: 'Which peer is yours?', yours: 'yours' },
    get: {
      one: 'Get',
      several: 'Get …',
      asking: 'Asking …',
      started: 'Started',
      title: file => `Get ${file} from`,
      from: source => `Get from ${source}`,
      cancel: 'Cancel',
      ring: 'the ring',
      ringFirst: 'The ring',
      answers: ms => `answers in ${ms < 950 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`}`,
      silent: 'does not answer',
      fileThere: file => `as ${file}`,
      others: peers => `${count(peers, 'more peer has', 'more peers have')} it too.`,
      said: (file, source) => `${file} comes from ${source}.`,
      gone: source => `${source} left while you were fetching.`,
      none: (source, file) => `${source} no longer shares ${file}.`,
      away: source => `${source} could not be reached right now.`,
      instead: source => `Get it from ${source} instead?`,
      nobody: 'Nobody else here has it.',
      later: 'Try again in a moment.',
    },
    here: {
      files: files => count(files, 'file', 'files'),
      since: time => `since ${time}`,
      heard: ago => `heard ${ago}`,
      stores: 'also stores copies',
      states: { here: 'here', quiet: 'quiet', gone: 'left' },
      came: names => `${list(names)} ${names.length === 1 ? 'is' : 'are'} here now.`,
      left: names => `${list(names)} left.`,
      more: 'More peers are here than this list shows.',
    },
    empty: { title: 'No peer is here right now.', text: 'Share a folder from your own machine and it shows up here within seconds.', code: 'ringbinder share ~/Syllabi' },
    nothing: {
      title: q => `No peer here shares a file named “${q}”.`,
      looked: (files, peers) => `We looked at ${count(files, 'file', 'files')} on ${count(peers, 'peer', 'peers')}.`,
      clear: 'Clear the search',
    },
    onlyMine: 'Nobody else shares a file right now.',
    noFiles: { title: 'No file is shared right now.', text: 'The peers that are here have nothing in their folders.' },
    away: { strong: 'The index of peers is away.', rest: 'What you see may be old. Downloads that have begun go on. Trying again every few seconds.' },
    error: { strong: 'The list could not be loaded.', again: 'Try again' },
  },

  where: {
    ok: (copies, zones) => `${count(copies, 'copy', 'copies')} on ${machines(copies)}${zones > 1 ? ` in ${zones} zones` : ''}`,
    okChecked: within => `each checked in the last ${within}.`,
    some: (have, all) => `${have} of ${all} copies ${have === 1 ? 'is' : 'are'} in place.`,
    none: 'No machine that keeps this file answers.',
    noneRest: 'We keep trying.',
    silent: (names, silent) => {
      if (silent) return `${list(names)} ${names.length === 1 ? 'has' : 'have'} been silent for ${silent}.`;
      return `${list(names)} ${names.length === 1 ? 'does' : 'do'} not answer.`;
    },
    reads: others => (others === 1 ? 'Reads go to the other one.' : `Reads go to the other ${spelled(others)}.`),
    out: (time, one) => `If ${one ? 'it is' : 'they are'} not back by ${time}, a new copy goes to another machine.`,
    back: one => (one ? 'When it is back it gets what it missed.' : 'When they are back they get what they missed.'),
    missing: names => `${list(names)} ${names.length === 1 ? 'does' : 'do'} not have it yet; the copy follows by itself.`,
    bad: names => `The copy on ${list(names)} is damaged and is not given to anyone.`,
    few: (have, k) => `Only ${spelled(have)} of ${k} copies can be made while so few machines are here.`,
    states: { stored: 'in place', missing: 'not there yet', bad: 'damaged', unknown: 'does not answer' },
    leaves: 'kept until the move is done',
    checked: when => `checked ${when}`,
    zone: zone => `zone ${zone}`,
    host: 'host',
  },

  facts: { file: 'File', kind: 'Kind', shared: 'Shared', sha256: 'SHA-256', note: 'What changed' },

  cluster: {
    columns: {
      name: 'Name',
      state: 'State',
      zone: 'Zone',
      share: 'Share',
      files: 'Files',
      bytes: 'Stored',
      free: 'Free',
      heard: 'Last heard',
    },
    nodesFigure: (nodes, zones) => `${nodes === 1 ? 'node' : 'nodes'}${zones > 1 ? ` in ${zones} zones` : ''}`,
    kFigure: (k, effective) =>
      k === effective ? (k === 1 ? 'copy of each file' : 'copies of each file') : `copies of each file, ${k} wanted`,
    coursesFigure: (courses, bytes) => `${courses === 1 ? 'course' : 'courses'}, ${bytes} on disk`,
    leaderFigure: (since, epoch) => `leads${since ? ` since ${since}` : ''}, epoch ${epoch}`,
    leaderNone: 'no leader',
    leaderNoneFigure: 'a new one is being chosen',
    states: {
      up: 'up',
      joining: 'joining',
      draining: 'draining',
      suspect: 'suspect',
      out: 'out',
      gone: 'gone',
      leads: 'leads',
      follows: 'follows',
      silent: 'silent',
    },
    notYet: 'not yet',
    unknown: '–',
    moves: {
      pair: (from, to) => (from ? `${from} to ${to}` : `${to}, one copy more`),
      done: (done, total) => `${n(done)} of ${n(total)}`,
      waiting: what => `${capital(what)}.`,
      more: pairs => `and ${count(pairs, 'more pair', 'more pairs')}`,
      bytes: (done, total, rate, ends) => `${done} of ${total}${rate ? `, ${rate}/s` : ''}${ends ? `, done at about ${ends}` : ''}`,
    },
    sorted: (column, up) => `Sorted by ${column}, ${up ? 'ascending' : 'descending'}.`,
  },
};
