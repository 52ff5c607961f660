/* P1 of protocol.md: leader epochs (fencing) and the sequence of rings.
   Redis is absent on purpose: any coordinator may believe at any time that it leads.
   A ring document: number e, members before, members now; stable when both are the same. A quorum of it = a majority of both. Stable (odd numbers) is followed by
   joint (even), joint(O, N) by stable(N). That the courses are settled before stable(N) is P4 (uploads.pml, sleepers.pml): here it may follow at once.
   NN nodes, at first INIT are the members; every change is of node 2, or of nodes 2 and 3 at once.
   Bad variants, each must fail: M_NOPROMISE M_NOCHECK M_NOLEARN M_ONLYNEW M_HALF M_NOWAIT M_NOREINSTALL. */
#ifndef NN
#define NN 4
#endif
#ifndef INIT
#define INIT 7        /* nodes 0,1,2 */
#endif
#ifndef NL
#define NL 2          /* coordinators */
#endif
#ifndef TERMS
#define TERMS 1       /* leaderships per coordinator */
#endif
#ifndef MAXE
#define MAXE 4        /* ring numbers 1..MAXE */
#endif
#define MAXBAL (NL*TERMS)
#define BIT(x) (1<<(x))
#define CNT(m) (((m)&1)+(((m)>>1)&1)+(((m)>>2)&1)+(((m)>>3)&1))
#ifndef M_HALF
#define MAJ(got, set) (2*CNT((got)&(set)) > CNT(set))
#else
#define MAJ(got, set) (2*CNT((got)&(set)) >= CNT(set))
#endif
#ifdef M_ONLYNEW
#define Q(got, p, m) MAJ(got, m)
#else
#define Q(got, p, m) (MAJ(got, p) && MAJ(got, m))
#endif

/* disk of the nodes */
byte prom[NN];        /* promised ballot */
byte ne[NN], nb[NN], np[NN], nm[NN];   /* newest ring document: number, ballot, prev, members */
byte used;            /* ballots in use */
/* ghosts */
byte cm[5];      /* committed members per ring number (0 = none) */
byte cp[5], cb[5];     /* members before, and the ballot under which it was first committed */
byte maxprom, le, lm; /* the highest ballot that has its promise quorum; the document it found */

inline newballot() {
  if
  :: (bal < 1 && !(used & BIT(1))) -> bal = 1
  :: (bal < 2 && MAXBAL >= 2 && !(used & BIT(2))) -> bal = 2
  :: (bal < 3 && MAXBAL >= 3 && !(used & BIT(3))) -> bal = 3
  :: (bal < 4 && MAXBAL >= 4 && !(used & BIT(4))) -> bal = 4
  :: else -> goto out
  fi;
  used = used | BIT(bal)
}

/* P4.7: who is a member all along skips at most one change. Called before x takes document (num, mem). */
#define STAYS(y) (!(p & m & BIT(y)) || ne[y] >= e)
#define STAYED(x, j) (cm[j] == 0 || (cm[j] & BIT(x)))
inline continuous(x, num, mem) {
  assert(!(ne[x] != 0 && (nm[x] & BIT(x)) && (mem & BIT(x)) && num > ne[x] &&
    (ne[x] >= 2 || num <= 2 || STAYED(x, 2)) && (ne[x] >= 3 || num <= 3 || STAYED(x, 3))) || ne[x] + 1 + (num & 1) >= num)
}

/* ledger_adopt: a node takes a committed document from any coordinator, without a promise. */
proctype Adopter(byte x) {
  do
#define ADOPT(j) :: d_step { cm[j] != 0 && (j > ne[x] || (j == ne[x] && cb[j] > nb[x])) -> continuous(x, j, cm[j]); ne[x] = j; nb[x] = cb[j]; np[x] = cp[j]; nm[x] = cm[j] }
  ADOPT(2)
  ADOPT(3)
  ADOPT(4)
  od
}

proctype Leader(byte id) {
  byte bal, t, e, eb, p, m, got, x, fresh; bool committed;
term:
  atomic {
    e = 0; eb = 0; p = 0; m = 0; got = 0; x = 0; fresh = 0; committed = 0;
    if :: t >= TERMS -> goto out :: else fi;
    t++; newballot();
    e = 1; p = INIT; m = INIT }   /* what it has on its own disk: perhaps only ring 1 */
  /* promise round: until a quorum of the newest document seen has promised */
  do
  :: atomic { !Q(got, p, m) ->
       if
       :: x = 0
       :: x = 1
       :: x = 2
       :: x = NN-1
       fi;
       if
       :: !(got & BIT(x)) && bal > prom[x] ->
          d_step {
#ifndef M_NOPROMISE
          prom[x] = bal;
#endif
          got = got | BIT(x);
#ifndef M_NOLEARN
          if :: ne[x] > e || (ne[x] == e && nb[x] > eb) -> e = ne[x]; eb = nb[x]; p = np[x]; m = nm[x] :: else fi;
#endif
          if :: Q(got, p, m) && bal > maxprom -> maxprom = bal; le = e; lm = m :: else fi }
       :: else -> goto term          /* refused, or gives up, or is replaced */
       fi; x = 0 }
  :: atomic { Q(got, p, m) -> got = 0; break }
  od;
#ifdef M_NOREINSTALL
  atomic { if :: e < MAXE && e > 1 -> p = m; e++ :: else fi }
#endif
  /* P1.3: re-commit what was found, then go on to the next ring */
  do
  :: atomic { !Q(got, p, m) ->
       if
       :: x = 0
       :: x = 1
       :: x = 2
       :: x = NN-1
       fi;
       if
       :: !(got & BIT(x)) &&
#ifndef M_NOCHECK
          bal >= prom[x] &&
#endif
          (e > ne[x] || (e == ne[x] && bal >= nb[x])) ->
          d_step {
          continuous(x, e, m);
          prom[x] = bal; ne[x] = e; nb[x] = bal; np[x] = p; nm[x] = m;
          got = got | BIT(x);
          /* taking effect on a quorum after a newer leader has its promises: only what that leader has found */
          if :: Q(got, p, m) -> assert(bal >= maxprom || e < le || (e == le && m == lm)) :: else fi }
       :: else -> goto term
       fi; x = 0 }
  :: atomic { Q(got, p, m) ->
       /* committed: one ring per number, linear */
       assert(cm[e] == 0 || (cm[e] == m && cp[e] == p));
       assert(e == 1 || cm[e-1] == p);
       if :: cm[e] == 0 -> cb[e] = bal :: else fi; cm[e] = m; cp[e] = p;
       if :: e >= MAXE -> goto term :: else fi;
       if
       :: m != p -> p = m                    /* joint(O, N), settled: stable(N) */
       :: else ->                            /* a change begins: node 2, or 2 and 3, come or go */
          if
          :: x = 4
          :: x = 12
          fi;
          p = m; m = m ^ x;
#ifndef M_NOWAIT
          /* plan.h rule 5 */
          if :: STAYS(0) && STAYS(1) && STAYS(2) && STAYS(3) -> skip :: else -> goto term fi
#endif
       fi;
       e++; x = 0; got = 0 }
  od;
out: skip
}

init {
  byte i = 0;
  atomic {
    do :: i < NN -> if :: INIT & BIT(i) -> ne[i] = 1; np[i] = INIT; nm[i] = INIT :: else fi; i++ :: else -> break od;
    cm[1] = INIT; cp[1] = INIT;
    i = 0;
    do :: i < NN -> run Adopter(i); i++ :: else -> break od; i = 0;
    do :: i < NL -> run Leader(i); i++ :: else -> break od; i = 0 }
}
