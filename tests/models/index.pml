/* P5 of protocol.md: the index in Redis and its rebuilding. 3 owners, W = 2, plain uploads and a conditional one (number 0), Redis that is wiped or comes back from an
   old snapshot at any moment (at most RST times). A restarted Redis process has a new run id, which is never in the data. The index is believed only while mark == run id.
   Bad variants, each must fail: M_NORUNID M_SCANFIRST M_NOSLOT M_SCANONE. */
#ifndef U
#define U 3
#endif
#ifndef RST
#define RST 2
#endif
#ifdef M_NORUNID
#define BELIEVED (mark != 0)
#else
#define BELIEVED (mark == runid)
#endif
#define BIT(x) (1 << (x))
byte rec[3];           /* R of the owners */
byte slot[3];          /* their slots: the conditional upload's record (BIT(0)) or nothing */
byte idx, mark;        /* Redis: the index; mark = run id of the process it was built for, 0 = none */
byte runid = 1, snapi, snapm, rst, acked, fin;

proctype Redis() {
  do
  :: atomic { rst < RST -> rst++; runid++; if :: idx = 0; mark = 0 :: idx = snapi; mark = snapm fi }
  :: atomic { snapi = idx; snapm = mark }
  :: break
  od
}

#define TWO(set, x) if \
  :: atomic { set[0] = set[0] | BIT(x) }; set[1] = set[1] | BIT(x) \
  :: atomic { set[1] = set[1] | BIT(x) }; set[2] = set[2] | BIT(x) \
  :: atomic { set[2] = set[2] | BIT(x) }; set[0] = set[0] | BIT(x) fi
proctype Upload(byte x) {
  if
  :: x == 0 -> TWO(slot, 0)
  :: else -> TWO(rec, x)
  fi;
  acked = acked | BIT(x);
  /* P5.4: only adds, into whatever Redis there is, now or from the retry list */
  atomic { idx = idx | BIT(x); fin++ };
  /* LEARN comes late, to one or two, or never */
  if
  :: x == 0 -> if :: atomic { rec[0] = rec[0] | slot[0]; slot[0] = 0 } :: atomic { rec[1] = rec[1] | slot[1]; slot[1] = 0 } :: true fi
  :: else
  fi
}

#define SCAN(n) atomic { got = got | rec[n]; some = some | slot[n] }
#define SETTLE(n) atomic { rec[n] = rec[n] | some }
proctype Leader() {
  byte got, some, my, a;
again:
#ifdef M_NORUNID
  atomic { mark == 0 -> my = runid }                    /* only an empty Redis is noticed */
#else
  atomic { mark != runid -> my = runid }
#endif
#ifndef M_SCANFIRST
  /* P5.2: clear, then scan, then add, then mark; each step compares the run id */
  atomic { if :: my != runid -> goto again :: else fi; idx = 0; mark = 0 }
#endif
  got = 0; some = 0;
  /* P5.3: k-W+1 = 2 owners, their slots too; a claim that is not in R is settled before it is judged: here finished */
#ifdef M_SCANONE
  if :: SCAN(0) :: SCAN(1) :: SCAN(2) fi;
#else
  if :: SCAN(0); a = 0; if :: SCAN(1) :: SCAN(2); a = 1 fi :: SCAN(1); a = 2; SCAN(2) fi;
#endif
#ifndef M_NOSLOT
  if
  :: some & (255 - got) -> if :: a == 0 -> SETTLE(0); SETTLE(1) :: a == 1 -> SETTLE(0); SETTLE(2) :: a == 2 -> SETTLE(1); SETTLE(2) fi; got = got | some
  :: else
  fi;
#endif
  atomic {
    if :: my != runid -> got = 0; some = 0; a = 0; goto again :: else fi;
#ifdef M_SCANFIRST
    idx = got;
#else
    idx = idx | got;
#endif
    mark = runid; got = 0; some = 0; a = 0 }
  goto again
}
proctype Check() { atomic { (fin == U && BELIEVED) -> assert((idx & acked) == acked) } }
init { atomic { mark = 1; byte i = 0; do :: i < U -> run Upload(i); i++ :: else -> break od; run Redis(); run Leader(); run Check() } }
