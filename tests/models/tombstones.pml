/* P6 of protocol.md: dropping a delete record t and the record r that it covers.
   Owners 0, 1, 2 of a stable ring; node 3 owned the course once. An owner that is down takes no step. A message that was sent can be handled at any later time,
   never, or again (the sender repeats what was not answered), so STORE, LEARN and ACCEPT stay deliverable for ever. Stamps: r 2, t 6, the ballot B 0 (nobody), 4 or 8; a floor
   lies between stamps (+1). A course without a row counts as one that has promised the floor.
   Bad variants, each must fail: NEED=2 M_PUSH M_NOVOID M_SPLIT M_FLOORPROMISED M_FLOOROWN M_FLOOREQUAL M_ROWZERO M_LEARNANY M_NOFLOOR. */
#define K 3
#define N 4
#ifndef NEED
#define NEED 3
#endif
#ifndef ROUNDS
#define ROUNDS 1      /* how often the leader asks, and drops */
#endif
#ifndef B
#define B 0           /* the ballot of a conditional upload that is refused; 0: none */
#endif
#define RR 1
#define TT 2
#define SR 2
#define ST 6

/* disk of the nodes */
byte R[N];             /* record set: RR, TT */
byte prom[K];          /* 0 without a row, or when only copies came */
bool row[K];
byte floor[K];
bool pulling[K];       /* an answer to PULL is on its way … */
byte pulled[K];        /* … with this set */
/* the conditional upload's messages */
byte asked, U;         /* who promised */
byte shown[K];         /* what it showed; once two promised: what it lacks of U */
/* ghosts */
byte direct;           /* owners that took t by STORE */
bool deleted;          /* the delete was acknowledged, or t was dropped somewhere */

#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define CNT(m) (((m)&1)+(((m)>>1)&1)+(((m)>>2)&1))
#ifdef M_NOFLOOR
#define PROMISED(o) prom[o]
#else
#define PROMISED(o) (row[o] -> prom[o] : floor[o])
#endif
#ifdef M_ROWZERO
#define NEEDROW(o) if :: !row[o] -> row[o] = true; prom[o] = 0 :: else fi
#else
#define NEEDROW(o) if :: !row[o] -> prom[o] = PROMISED(o); row[o] = true :: else fi
#endif
#ifdef M_LEARNANY
#define LEARNOK(o) true
#else
#define LEARNOK(o) (SR > floor[o])
#endif
/* P6.2: where the floor goes. `top` is the largest `promised` that any of the k owners showed with its yes. */
#ifdef M_FLOORPROMISED
#define RAISE(o, top) floor[o] = MAX(floor[o], prom[o])
#elif defined(M_FLOOROWN)
#define RAISE(o, top) floor[o] = MAX(floor[o], MAX(prom[o], ST) + 1)
#elif defined(M_FLOOREQUAL)
#define RAISE(o, top) floor[o] = MAX(floor[o], MAX(MAX(prom[o], ST), top))
#else
#define RAISE(o, top) floor[o] = MAX(floor[o], MAX(MAX(prom[o], ST), top) + 1)
#endif

/* Whoever reads W owners and sees r sees t too. */
inline check() {
  if
  :: deleted ->
     assert(!((R[0]|R[1]) & RR) || ((R[0]|R[1]) & TT));
     assert(!((R[0]|R[2]) & RR) || ((R[0]|R[2]) & TT));
     assert(!((R[1]|R[2]) & RR) || ((R[1]|R[2]) & TT))
  :: else
  fi
}

#define NOTE_DELETED if :: deleted || CNT(direct) >= 2 -> deleted = true; direct = 0 :: else fi
#define PULL(j) :: atomic { !pulling[o] && o != j -> d_step { pulling[o] = true; pulled[o] = R[j] } }

proctype Owner(byte o) {
  do
  /* P2 STORE of r and of t */
  :: d_step { SR > PROMISED(o) -> row[o] = true; prom[o] = SR; R[o] = R[o] | RR; check() }
  :: d_step { ST > PROMISED(o) -> row[o] = true; prom[o] = ST; R[o] = R[o] | TT; direct = direct | (1 << o); NOTE_DELETED; check() }
  /* P3 LEARN of r, by whoever vouches that it is chosen */
  :: d_step { LEARNOK(o) && !(R[o] & RR) -> NEEDROW(o); R[o] = R[o] | RR; check() }
#if B
  /* P3 PREPARE, ACCEPT(NONE) with what the owner lacks of U */
  :: d_step { CNT(asked) < 2 && !(asked & (1 << o)) && B > PROMISED(o) ->
       row[o] = true; prom[o] = B; asked = asked | (1 << o); shown[o] = R[o]; U = U | R[o];
       if
       :: CNT(asked) == 2 -> shown[0] = U & (255 - shown[0]); shown[1] = U & (255 - shown[1]); shown[2] = U & (255 - shown[2]); U = 0
       :: else
       fi }
  :: d_step { CNT(asked) == 2 && B >= PROMISED(o) && (prom[o] != B || (shown[o] & (255 - R[o])) || !row[o]) ->
       row[o] = true; prom[o] = B; R[o] = R[o] | shown[o]; check() }
#endif
  /* P6.3: o pulls the whole set of one other owner, again and again, in two steps: what was read may be old when it is merged. */
  PULL(0)
  PULL(1)
  PULL(2)
#ifdef M_PUSH
  PULL(3)
#endif
  :: d_step { pulling[o] -> NEEDROW(o); R[o] = R[o] | pulled[o]; pulling[o] = false; pulled[o] = 0; check() }
  od
}

#ifdef M_NOVOID
#define VOID(o)
#else
#define VOID(o) pulling[o] = false; pulled[o] = 0;
#endif
#ifdef M_SPLIT
#define DROP(o) :: atomic { !(done & (1 << o)) -> done = done | (1 << o); VOID(o) deleted = true; direct = 0; RAISE(o, top); R[o] = R[o] & RR; check() }; \
       atomic { R[o] = 0; row[o] = false; prom[o] = 0; check() }
#else
#define DROP(o) :: d_step { !(done & (1 << o)) -> done = done | (1 << o); VOID(o) deleted = true; direct = 0; RAISE(o, top); \
       R[o] = 0; row[o] = false; prom[o] = 0; check() }
#endif

proctype Leader() {
  byte yes, top, round, done;
  do
  :: atomic { round < ROUNDS && CNT(yes) < NEED ->
       /* P6.1: all k owners say that they hold t */
       if
       :: (R[0] & TT) && !(yes & 1) -> yes = yes | 1; top = MAX(top, prom[0])
       :: (R[1] & TT) && !(yes & 2) -> yes = yes | 2; top = MAX(top, prom[1])
       :: (R[2] & TT) && !(yes & 4) -> yes = yes | 4; top = MAX(top, prom[2])
       fi }
  :: CNT(yes) >= NEED ->
     /* P6.2: each drops t and what it covers in one transaction, some time or never */
     do
     DROP(0)
     DROP(1)
     DROP(2)
     :: break
     od;
     atomic { yes = 0; top = 0; done = 0; round++ }
  od
}

init { atomic {
  R[3] = RR;
  run Owner(0); run Owner(1); run Owner(2); run Leader() } }
