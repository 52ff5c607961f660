/* P2 and P3 of protocol.md, with -DRING also P4: one course, K owners, uploads without a condition (STORE), with one (PREPARE, ACCEPT, LEARN), repair's copies,
   and with RING the mover that settles the course, owners 0, 1, 2 handing over to 1, 2, 3.
   Messages: once sent, a message can be handled by an owner at any later time or never, in any order; its answer can be lost. A crashed api is a process that takes
   no further step (pan -E explores every prefix). An owner that crashes and comes back with its disk is one that handles nothing for a while.
   A stamp (= ballot) is a small number; record s is the record first proposed under stamp s; record 1 is there, acknowledged, from the start.
   A conditional upload asks for the head that was acknowledged or shown when it began. "Same" uploads bring what the plain ones bring, if-match its hash.
   README.md says which line stands for which rule and which function. Bad variants, each must fail: the M_ macros and WA=1. */
#ifndef K
#define K 3
#endif
#ifndef W
#define W 2
#endif
#ifndef NC
#define NC 2          /* conditional uploads, If-Match: the head each saw */
#endif
#ifndef NU
#define NU 1          /* unconditional uploads (deletes are the same thing) */
#endif
#ifndef NS
#define NS 0          /* uploads of the plain uploads' content, If-Match: its hash (rule 4, the same content again) */
#endif
#ifndef MAXB
#define MAXB 6        /* stamps 2..MAXB can be used */
#endif
#ifndef AT
#define AT 2          /* attempts per upload */
#endif
#ifdef NOLOSS         /* answers are never lost while the api waits (smaller; messages still are) */
#define LOST else -> skip
#else
#define LOST skip
#endif
#ifndef REPAIR
#define REPAIR 1
#endif
#ifndef WA
#define WA W
#endif
#ifdef RING           /* P4: owners 0,1,2 hand over to 1,2,3: ring 0 = old, ring 1 = joint, ring 2 = new */
#undef K
#define K 4
#define C2(m) (((m)&1)+(((m)>>1)&1)+(((m)>>2)&1)+(((m)>>3)&1))
#ifdef M_JOINTOLDONLY
#define QE(m, e, w) ((e == 2 || C2((m)&7) >= w) && (e != 2 || C2((m)&14) >= w))
#else
#define QE(m, e, w) ((e == 2 || C2((m)&7) >= w) && (e == 0 || C2((m)&14) >= w))
#endif
#define PQ(b) QE(pa[b], me[b], W)
#define AQ(b) QE(aa[b], me[b], WA)
#ifdef M_NOEPOCH
#define EPOK(b) ((o != 3 || me[b] >= 1) && (o != 0 || me[b] <= 1))
#define EPUP(b) skip
#else
/* P4.1: exactly the owner's ring; it learns newer ones by itself */
#define EPOK(b) (me[b] == ep[o] && (o != 3 || me[b] >= 1) && (o != 0 || me[b] <= 1))
#define EPUP(b) skip
#endif
#else
#define PQ(b) ATLEAST(pa[b], W)
#define AQ(b) ATLEAST(aa[b], WA)
#define EPOK(b) true
#define EPUP(b) skip
#endif
#define NOP (NC+NU+NS)
#define PLAIN(op) ((op) > NC && (op) <= NC+NU)
#define SAME(op) ((op) > NC+NU)
#define BIT(x) (1<<(x))
#define NB (MAXB+1)

/* disk of the owners */
byte prom[K], R[K], D[K], slb[K], slv[K];

#ifdef RING
byte ring, ep[K], me[MAXB+1];   /* committed ring; ring known to a node (disk); ring of a message */
#endif
/* messages: per stamp */
byte kind[NB];        /* 0 unused 1 STORE sent 2 PREPARE sent 3 ACCEPT sent too 9 can change nothing any more */
byte pend;            /* > 0: an api has just got what it waited for and acts at once (waiting longer adds nothing:
                         its messages can be handled at any later time anyway) */
byte live;            /* mask: the api still waits for answers to this stamp */
byte av[NB];          /* ACCEPT: value (0 = NONE) */
byte ak[NB];          /* ACCEPT: known records */
byte pa[NB], aa[NB];  /* answers that arrived */
byte pU[NB], pS[NB], pV[NB], pEq[NB];   /* promises: U, the largest slot, and which owners showed it */
byte rdy;             /* mask: enough answers, and waited long enough for more */
byte recop[NB];       /* record -> its upload */
byte par[NB];         /* conditional record -> its parent */
byte isc;             /* mask: record is conditional */
byte learn;           /* mask: LEARN sent */

/* ghosts */
byte early;           /* mask: uploads invoked at the start */
byte obs = 2;         /* mask of records acknowledged or shown; record 1 is acknowledged */
byte res[NOP+1];      /* 0 open 1 = 201, 2 = 412, 3 = 503 */
byte inv[NOP+1];      /* obs when the upload was invoked */
byte firm;            /* mask: records that W owners had in R (in the joint ring: see LASTS): a plain reader's union of W sets shows them */

#if K == 3
#define ATLEAST(m, w) (((m)&1) + (((m)>>1)&1) + (((m)>>2)&1) >= w)
#else
#define ATLEAST(m, w) (((m)&1) + (((m)>>1)&1) + (((m)>>2)&1) + (((m)>>3)&1) >= w)
#endif
inline top(m, t) { t = MAXB; do :: t > 0 && !((m) & BIT(t)) -> t-- :: else -> break od }

/* a record becomes acknowledged (or is shown as current in a 412) */
inline observe(x) {
 d_step {
  if
  :: obs & BIT(x) -> skip
  :: else ->
     /* nothing between parent and child: neither below this one, nor is this one between two others */
     if :: isc & BIT(x) -> tt = par[x] + 1; do :: tt < x -> assert(!(obs & BIT(tt))); tt++ :: else -> break od :: else fi;
     tt = x + 1;
     do :: tt <= MAXB -> assert(!((obs & BIT(tt)) && (isc & BIT(tt)) && par[tt] < x)); tt++ :: else -> break od;
     obs = obs | BIT(x);
     assert(res[recop[x]] != 2); tt = 0
  fi }
}

#ifdef RING
#define HOLDS(n) ((ring < 2 && n < 3) || (ring == 2 && n > 0))
/* In the joint ring a record on W old owners only stays if it was acknowledged; else it may go, as any that plain readers saw before its 201 (protocol.md P2, "weaker" c). */
#define HAS(n) ((R[n] >> x) & 1)
#define LASTS (ring != 1 || (obs & BIT(x)) || HAS(1) + HAS(2) + HAS(3) >= W)
#else
#define HOLDS(n) true
#define LASTS true
#endif
/* checked after every step of an owner: a shown record is held by W owners, a refused upload is in no record set */
inline monitor() {
 d_step {
  x = 1;
  do
  :: x <= MAXB ->
     c = 0; f = 0; n = 0;
     do :: n < K -> if :: HOLDS(n) && ((R[n] & BIT(x)) || slv[n] == x) -> c++ :: else fi;
                    if :: HOLDS(n) && (R[n] & BIT(x)) -> f++ :: else fi;
                    assert(!((R[n] & BIT(x)) && res[recop[x]] == 2)); n++ :: else -> break od;
     assert(!(obs & BIT(x)) || c >= W);
     assert(!(firm & BIT(x)) || f >= W);
     if :: f >= W && LASTS -> firm = firm | BIT(x) :: else fi; x++
  :: else -> break
  od; x = 0; c = 0; f = 0; n = 0 }
}

#ifndef M_NOPROMISE
#define RAISE(b) prom[o] = b
#define PRE(b) b > prom[o]
#else
#define RAISE(b) skip
#define PRE(b) (b > prom[o] && !(pa[b] & BIT(o)))
#endif
/* owners are alike: number them in the order in which they are first touched */
#ifdef RING
#define TOUCH (o != 2 || prom[1] > 1)
#elif defined(M_NOPROMISE) || defined(M_STORENORAISE)
#define TOUCH true
#else
#define TOUCH (o == 0 || prom[o-1] > 1)
#endif
#if K == 3
#define MINP(x) (prom[0] x && prom[1] x && prom[2] x)
#else
#define MINP(x) (prom[0] x && prom[1] x && prom[2] x && prom[3] x)
#endif
#if defined(M_STOREALWAYS) || defined(M_ACCEPTALWAYS) || defined(M_NOPROMISE) || defined(M_COPYCOUNTS)
#define DEAD(n) false
#else
#define DEAD(n) ((kind[n] < 3 && MINP(>= n)) || MINP(> n))
#endif
/* forget messages that can change nothing any more (state reduction only) */
inline gc() {
 d_step {
  n = 2;
  do
  :: n <= MAXB ->
     if
     :: kind[n] != 0 && kind[n] != 9 && !(live & BIT(n)) && DEAD(n) -> kind[n] = 9; av[n] = 0; ak[n] = 0
     :: else
     fi; n++
  :: else -> break
  od; n = 0 }
}
/* The api decides on the first W promises, or (LINGER) also on more: propose.c waits a moment for all. */
#ifdef LINGER
#define PROMISE_MORE(b) (!PQ(b) || pa[b] != BIT(K) - 1)
#else
#define PROMISE_MORE(b) (!PQ(b))
#endif
/* PREPARE: needs stamp > promised; answers record set and slot */
#define PREP(b) :: atomic { (pend == 0 && (kind[b] == 2 || kind[b] == 3) && PRE(b) && TOUCH && EPOK(b)) -> \
       RAISE(b); EPUP(b); \
       if \
       :: kind[b] == 2 && (live & BIT(b)) && !(rdy & BIT(b)) -> \
          if :: slb[o] > pS[b] -> pS[b] = slb[o]; pV[b] = slv[o]; pEq[b] = BIT(o) \
             :: slb[o] == pS[b] -> pEq[b] = pEq[b] | BIT(o) \
             :: else fi; \
          pa[b] = pa[b] | BIT(o); pU[b] = pU[b] | R[o]; \
          if :: PQ(b) -> rdy = rdy | BIT(b); pend++ :: PROMISE_MORE(b) -> skip fi \
       :: LOST \
       fi; gc() }
#ifdef M_ACCEPTALWAYS
#define AOK(b) true
#else
#define AOK(b) (b >= prom[o])
#endif
#ifdef M_NOKNOWN
#define KNOWN(b) skip
#else
#define KNOWN(b) R[o] = R[o] | ak[b]
#endif
/* ACCEPT: needs stamp >= promised */
#define ACC(b) :: atomic { (pend == 0 && kind[b] == 3 && slb[o] != b && AOK(b) && TOUCH && EPOK(b)) -> \
       EPUP(b); prom[o] = b; slb[o] = b; slv[o] = av[b]; KNOWN(b); \
       if :: (live & BIT(b)) -> aa[b] = aa[b] | BIT(o); if :: AQ(b) -> pend++ :: else fi :: LOST fi; monitor(); gc() }
#ifdef M_STOREALWAYS
#define SOK(b) true
#else
#define SOK(b) (b > prom[o])
#endif
#ifdef M_STORENORAISE
#define SRAISE(b) skip
#else
#define SRAISE(b) if :: b > prom[o] -> prom[o] = b :: else fi
#endif
/* STORE: needs stamp > promised */
#define STO(b) :: atomic { (pend == 0 && kind[b] == 1 && !(D[o] & BIT(b)) && SOK(b) && TOUCH && EPOK(b)) -> \
       EPUP(b); SRAISE(b); R[o] = R[o] | BIT(b); D[o] = D[o] | BIT(b); \
       if :: (live & BIT(b)) -> aa[b] = aa[b] | BIT(o); if :: AQ(b) -> pend++ :: else fi :: LOST fi; monitor(); gc() }
/* repair copies one record from another owner (no D bit); LEARN: the same for a chosen one */
#ifdef M_COPYCOUNTS
#define CC(b) D[o] = D[o] | BIT(b); \
       if :: kind[b] == 1 && (live & BIT(b)) -> aa[b] = aa[b] | BIT(o); if :: AQ(b) -> pend++ :: else fi :: else fi;
#else
#define CC(b)
#endif
#define REP(b) :: atomic { (pend == 0 && !(R[o] & BIT(b)) && ((learn & BIT(b)) || (R[0] & BIT(b)) || (R[1] & BIT(b)) || (R[K-1] & BIT(b)))) -> \
       R[o] = R[o] | BIT(b); CC(b) monitor() }
#if REPAIR
#define ALL(b) PREP(b) ACC(b) STO(b) REP(b)
#else
#define ALL(b) PREP(b) ACC(b) STO(b)
#endif

proctype Owner(byte o) {
  byte c, f, n, x;
end:
  do
#ifdef RING
  :: atomic { (pend == 0 && ep[o] < ring) -> ep[o] = ring }
  :: atomic { (pend == 0 && o == 0 && ring == 2 && ep[0] == 2 && prom[0] != 200) -> /* old owner drops its copy */
       prom[0] = 200; R[0] = 0; D[0] = 0; slb[0] = 0; slv[0] = 0; monitor(); gc() }
#endif
  ALL(2)
  ALL(3)
  ALL(4)
#if MAXB >= 5
  ALL(5)
#endif
#if MAXB >= 6
  ALL(6)
#endif
#if MAXB >= 7
  ALL(7)
#endif
  od
}

#define FR(n) :: (last < n && kind[n] == 0) -> b = n
inline fresh() { /* any unused stamp (the clocks of the apis are not trusted), only larger than my own last one */
  if
#ifdef F1
  /* first stamps fixed by the run (F1 F2 F3; the mover, upload 0, takes MAXB); later ones are free */
  :: tries == 0 && op == 1 -> b = F1
#ifdef F2
  :: tries == 0 && op == 2 -> b = F2
#endif
#ifdef F3
  :: tries == 0 && op == 3 -> b = F3
#endif
#ifdef F2
#define F2X F2
#else
#define F2X 0
#endif
#ifdef F3
#define F3X F3
#else
#define F3X 0
#endif
#define FR2(n) :: (last < n && kind[n] == 0 && (tries > 0 || op == 0) && (n > NOP+1 || op == 0) && n != F1 && n != F2X && n != F3X) -> b = n
  FR2(3)
  FR2(4)
#if MAXB >= 5
  FR2(5)
#endif
#if MAXB >= 6
  FR2(6)
#endif
#else
  FR(2)
  FR(3)
  FR(4)
#if MAXB >= 5
  FR(5)
#endif
#if MAXB >= 6
  FR(6)
#endif
#if MAXB >= 7
  FR(7)
#endif
#endif
  :: goto gaveup
  fi;
#ifdef RING
  if :: me[b] = ring :: ring > 0 -> me[b] = ring - 1 fi;     /* the ring this api knows may be old */
#endif
  last = b; tries++; live = live | BIT(b)
}
/* the api stops waiting for answers to stamp b */
inline quit() { d_step { live = live & (255 - BIT(b)); pa[b] = 0; aa[b] = 0; pU[b] = 0; pS[b] = 0; pV[b] = 0; pEq[b] = 0; rdy = rdy & (255 - BIT(b)); b = 0 } }
inline fin() { d_step { last = 0; c = 0; tt = 0; tries = 0; sent = 0; U = 0; v = 0; h = 0; want = 0 } }

#ifdef M_NOFINISH
#define MUSTFINISH false
#else
#define MUSTFINISH (v != 0 && !(U & BIT(v)))
#endif
/* "All W showed it": a write quorum among those that promised did (decide.c). What an owner has directly and below b, it had when it promised b. */
#if defined(RING)
#define SHOWN(m) QE(m, me[b], W)
#else
#define SHOWN(m) ATLEAST(m, W)
#endif
#define DIRECT(n) (((pa[b] & BIT(n)) && h < b && (D[n] & BIT(h))) -> BIT(n) : 0)
#if K == 3
#define DIRECTS (DIRECT(0) | DIRECT(1) | DIRECT(2))
#else
#define DIRECTS (DIRECT(0) | DIRECT(1) | DIRECT(2) | DIRECT(3))
#endif
#define SETTLED (sent == 0 && ((isc & BIT(h)) || h == 1 || SHOWN(DIRECTS)))
#ifdef M_412FAST
#define FAST412 true
#else
#define FAST412 SETTLED
#endif
#ifdef M_SAMEFAST
#define FASTSAME true
#else
#define FASTSAME SETTLED
#endif
/* Whether the condition holds with h current. */
#define MATCHES (SAME(op) -> (h != 1 && PLAIN(recop[h])) : (h == want))

#ifdef M_NOSTILL
#define STILL false
#else
#define STILL MATCHES
#endif

/* an upload is invoked at the start or after some upload was answered (other moments add nothing) */
#ifdef RING
#define LATER (obs != 2 || ring > 0)
#else
#define LATER (obs != 2)
#endif
#define START if :: early & BIT(op) -> pend-- :: !(early & BIT(op)) -> (pend == 0 && LATER) fi; inv[op] = obs
proctype Uncond(byte op) {
  byte b, last = 1, tries, c, tt;
again:
  atomic {
    if :: tries == 0 -> START :: else fi;
    if :: b != 0 -> quit() :: else fi;
    if :: tries >= AT -> goto gaveup :: else fi;
    fresh(); kind[b] = 1; recop[b] = op }
  if
  :: atomic { AQ(b) -> pend--; observe(b); d_step { top(inv[op], tt); assert(b > tt) }; res[op] = 1; goto done }
  :: pend == 0 -> goto again
  fi;
gaveup: res[op] = 3;
done: atomic { if :: b != 0 -> quit() :: else fi; d_step { last = 0; c = 0; tt = 0; tries = 0; inv[op] = 0 } }
}

proctype Cond(byte op) {
  byte b, last = 1, tries, c, tt, U, v, h, want; bool sent = 0;
again:
  atomic {
    if :: tries == 0 -> START; if :: SAME(op) -> skip :: else -> d_step { top(inv[op], want); tt = 0 } fi :: else fi;
    if :: b != 0 -> quit() :: else fi;
    d_step { U = 0; v = 0; h = 0; c = 0; tt = 0 };
    if :: tries >= AT -> goto gaveup :: else fi;
    fresh(); kind[b] = 2 }
  if
  :: atomic { (rdy & BIT(b)) -> pend--;
       d_step {
       U = pU[b]; v = pV[b];
       /* rule 2: the same slot at W owners: chosen */
       if :: v != 0 && !(U & BIT(v)) && SHOWN(pEq[b]) -> U = U | BIT(v); learn = learn | BIT(v) :: else fi;
       /* rule 3: is a record of my own in it? */
       tt = 2; h = 0;
       do :: tt <= MAXB -> if :: (U & BIT(tt)) && recop[tt] == op -> h = tt :: else fi; tt++ :: else -> break od
       };
       if
       :: h != 0 -> observe(h); d_step { top(inv[op], tt); assert(h > tt) }; res[op] = 1; goto done
       :: else
       fi;
       d_step { top(U, h) };
       if
       :: MUSTFINISH -> av[b] = v; ak[b] = U; c = 1          /* rule 6: possibly chosen: finish it under my stamp */
       :: else ->
            if
            /* rule 4 */
            :: MATCHES && !SAME(op) -> recop[b] = op; par[b] = h; isc = isc | BIT(b); av[b] = b; ak[b] = U; sent = 1; c = 2
            /* rule 4, the same content again: 200 */
            :: MATCHES && SAME(op) && FASTSAME -> observe(h); d_step { top(inv[op], tt); assert(h >= tt) }; res[op] = 1; goto done
            :: MATCHES && SAME(op) && !(FASTSAME) -> av[b] = 0; ak[b] = U; c = 4
            /* rule 5 */
            :: !MATCHES && FAST412 -> observe(h); d_step { top(inv[op], tt); assert(h >= tt) }; res[op] = 2; goto done
            :: !MATCHES && !(FAST412) -> av[b] = 0; ak[b] = U; c = 3
            fi
       fi;
       d_step { kind[b] = 3; pa[b] = 0; pU[b] = 0; pS[b] = 0; pV[b] = 0; pEq[b] = 0; rdy = rdy & (255 - BIT(b)) } }
  :: pend == 0 -> goto again
  fi;
  if
  :: atomic { AQ(b) -> pend--;
       if
       :: c == 1 -> /* v is chosen now, and everything in U is on W owners */
          learn = learn | BIT(v);
          if :: recop[v] == op -> h = v; res[op] = 1
             :: else -> d_step { U = U | BIT(v); top(U, h) };
                if
                /* finished below what was asked for, which is still current: begin again */
                :: STILL -> goto again
                :: !(STILL) -> assert(!MATCHES); res[op] = 2
                fi
          fi;
          observe(h);
          d_step { top(inv[op], tt); assert(h >= tt) }
       :: c == 2 -> learn = learn | BIT(b); observe(b); d_step { top(inv[op], tt); assert(b > tt) }; res[op] = 1
       :: c == 3 -> observe(h); d_step { top(inv[op], tt); assert(h >= tt) }; res[op] = 2
       :: c == 4 -> observe(h); d_step { top(inv[op], tt); assert(h >= tt) }; res[op] = 1
       fi; goto done }
  :: pend == 0 -> goto again
  fi;
gaveup: res[op] = 3;
done: atomic { if :: b != 0 -> quit() :: else fi; fin(); inv[op] = 0 }
}

#ifdef RING
/* the mover: settles the course under the joint ring, then the leader commits ring 2 */
proctype Mover(byte op) {
  byte b, last = 1, tries, tt, U, v;
  atomic { pend == 0 -> ring = 1 }
#ifdef M_DROPEARLY
  atomic { pend == 0 -> ring = 2; goto done }
#endif
again:
  atomic {
    if :: b != 0 -> quit() :: else fi;
    d_step { U = 0; v = 0 };
    if :: tries >= AT -> goto gaveup :: else fi;
    (pend == 0); fresh(); me[b] = 1; kind[b] = 2 }
  if
  :: atomic { (rdy & BIT(b)) -> pend--;
       U = pU[b]; v = pV[b];
       if :: v != 0 && !(U & BIT(v)) -> av[b] = v :: else -> av[b] = 0 fi;
       ak[b] = U; d_step { kind[b] = 3; pa[b] = 0; pU[b] = 0; pS[b] = 0; pV[b] = 0; pEq[b] = 0; rdy = rdy & (255 - BIT(b)) } }
  :: pend == 0 -> goto again
  fi;
  if
  :: atomic { AQ(b) -> pend--; ring = 2; goto done }
  :: pend == 0 -> goto again
  fi;
gaveup: skip;
done: atomic { if :: b != 0 -> quit() :: else fi; d_step { last = 0; tries = 0; U = 0; v = 0; tt = 0 } }
}
#endif

init {
  byte i = 0;
  atomic {
    do :: i < K -> if :: i < 3 || K != 4 -> prom[i] = 1; R[i] = 2; D[i] = 2 :: else fi; run Owner(i); i++ :: else -> break od;
    i = 1;
    do :: i <= NOP -> if :: early = early | BIT(i); pend++ :: skip fi; i++ :: else -> break od;
#ifndef RING
    (early != 0);
#endif
    i = 1;
    do :: i <= NC -> run Cond(i); i++ :: else -> break od;
    do :: i <= NC+NU -> run Uncond(i); i++ :: else -> break od;
    do :: i <= NOP -> run Cond(i); i++ :: else -> break od;
#ifdef RING
    run Mover(0);
#endif
    i = 0
  }
}
