/* P4.2, P4.5 and the rule that a ring change begins only when every member that stays has the newest stable ring (coordinator/plan.h, rule 5), together with P6:
   two changes in a row, a node that sleeps through any part of them with its disk, one course with a record r, a delete t of it, and the dropping of t.
   Rings: 1 stable, 2 joint, 3 stable, 4 joint, 5 stable. Nodes 0 to 3; who owns the course in 1, 3 and 5 is the SCENE, 1 to 4.
   Uploads, deletes and settling are single steps or one step an owner here: how they race is in uploads.pml.
   Bad variants, each must fail: M_NOWAIT M_KEEPOLD M_NOWAIT+M_KEEPOLD M_KEEPBEFORE M_KEEPSKIPPED M_NOSETTLE. */
#define K 4
#define BIT(x) (1 << (x))
#define CNT(m) (((m)&1)+(((m)>>1)&1)+(((m)>>2)&1)+(((m)>>3)&1))
#define RR 1
#define TT 2
#define JOINT(e) ((e) == 2 || (e) == 4)
/* owners now and before under ring e */
#define NOW(e) ((e) == 1 -> O1 : ((e) <= 3 -> O3 : O5))
#define BEFORE(e) ((e) <= 2 -> O1 : ((e) <= 4 -> O3 : O5))
#define OWNS(o, e) ((NOW(e) | BEFORE(e)) & BIT(o))
#define QUORUM(m, e) (CNT((m) & NOW(e)) >= 2 && CNT((m) & BEFORE(e)) >= 2)

byte O1, O3, O5, M3;    /* owners of the course; members of ring 3 (of the others: all) */
/* disk of the nodes */
byte R[K], ep[K];
/* the leader */
byte ring = 1; bool settled;
/* the delete: the ring it was asked under, who took it */
byte te, took; bool deleted;
/* the dropping */
byte pe, yes, purged;

#define HAVE(o, e) (ep[o] == (e) && OWNS(o, e))
#define HOLDS(i, o) ((HAVE(i, ring) && (R[i] & R[o]) == R[o]) -> 1 : 0)
#define SHOWS(i, j, what) ((R[i] | R[j]) & (what))
/* Every write quorum of the owners now, as far as they have the ring, shows t with r once the delete is acknowledged, and r before. */
#define PAIR(i, j) if \
  :: ep[i] == ring && ep[j] == ring && (NOW(ring) & BIT(i)) && (NOW(ring) & BIT(j)) -> \
     assert(!deleted || !SHOWS(i, j, RR) || SHOWS(i, j, TT)); assert(deleted || took || SHOWS(i, j, RR)) \
  :: else fi
/* Only in stable rings: under a joint one readers also ask the owners before. */
#define CHECK if :: !JOINT(ring) -> PAIR(0, 1); PAIR(0, 2); PAIR(0, 3); PAIR(1, 2); PAIR(1, 3); PAIR(2, 3) :: else fi

proctype Node(byte o) {
  do
  /* P4.1, P4.2: it learns the ring in force, having slept through any number of rings */
  :: d_step { ep[o] < ring ->
       if
#ifndef M_KEEPOLD
       :: ep[o] + (JOINT(ring) -> 1 : 2) < ring -> R[o] = 0
#endif
#ifndef M_KEEPBEFORE
       :: JOINT(ring) && !(BEFORE(ring) & BIT(o)) -> R[o] = 0
#endif
#ifndef M_KEEPSKIPPED
       :: !JOINT(ring) && ep[o] + 2 == ring && !OWNS(o, ep[o]) -> R[o] = 0
#endif
       :: else
       fi; ep[o] = ring; CHECK }
  /* P4.5: no owner any more: its records go when those that own the course now have them */
  :: d_step { !JOINT(ring) && ep[o] == ring && !OWNS(o, ring) && R[o] && HOLDS(0, o) + HOLDS(1, o) + HOLDS(2, o) + HOLDS(3, o) >= 2
       -> R[o] = 0; CHECK }
  /* P2 STORE of the delete, under the ring the api asked with; an owner takes exactly its own ring */
  :: d_step { te && HAVE(o, te) && !(took & BIT(o)) -> R[o] = R[o] | TT; took = took | BIT(o);
       if :: QUORUM(took, te) -> deleted = true; te = 0; took = 0 :: else fi; CHECK }
  /* P6.3: repair pulls the whole set, among owners of one ring only */
  :: d_step { HAVE(o, ep[o]) && ep[0] == ep[o] && HAVE(0, ep[o]) && o != 0 -> R[o] = R[o] | R[0]; CHECK }
  :: d_step { HAVE(o, ep[o]) && ep[1] == ep[o] && HAVE(1, ep[o]) && o != 1 -> R[o] = R[o] | R[1]; CHECK }
  :: d_step { HAVE(o, ep[o]) && ep[2] == ep[o] && HAVE(2, ep[o]) && o != 2 -> R[o] = R[o] | R[2]; CHECK }
  :: d_step { HAVE(o, ep[o]) && ep[3] == ep[o] && HAVE(3, ep[o]) && o != 3 -> R[o] = R[o] | R[3]; CHECK }
  /* P6.1: says that it holds t, and it is current; P6.2: drops it */
  :: d_step { pe && HAVE(o, pe) && (R[o] & TT) && !(yes & BIT(o)) -> yes = yes | BIT(o) }
  :: d_step { pe && yes == NOW(pe) && HAVE(o, pe) && !(purged & BIT(o)) -> R[o] = 0; purged = purged | BIT(o); deleted = true; te = 0; took = 0; CHECK }
  od
}

/* The delete: begun once, begun again when the ring moved on. */
proctype Api() {
  do
  :: d_step { !deleted && te != ring -> te = ring; took = 0 }
  od
}

#ifdef M_NOWAIT
#define INSTALLED(o) true
#else
#define INSTALLED(o) (!(M3 & BIT(o)) || ep[o] == 3)
#endif
proctype Leader() {
  byte q, U;
  do
  :: atomic { ring == 1 -> ring = 2; pe = 0; yes = 0; purged = 0 }
  /* plan.h rule 5: every member that stays has the newest stable ring */
  :: atomic { ring == 3 && INSTALLED(0) && INSTALLED(1) && INSTALLED(2) && INSTALLED(3) -> ring = 4; pe = 0; yes = 0; purged = 0 }
  :: atomic { JOINT(ring) && settled -> ring++; settled = false; d_step { CHECK } }
  /* P4.3: U from W of before and W of now, known = U to the same */
  :: atomic { JOINT(ring) && !settled ->
#ifdef M_NOSETTLE
       settled = true
#else
       if :: HAVE(0, ring) -> q = q | 1 :: true fi; if :: HAVE(1, ring) -> q = q | 2 :: true fi;
       if :: HAVE(2, ring) -> q = q | 4 :: true fi; if :: HAVE(3, ring) -> q = q | 8 :: true fi;
       d_step {
         if
         :: QUORUM(q, ring) ->
            U = ((q & 1) -> R[0] : 0) | ((q & 2) -> R[1] : 0) | ((q & 4) -> R[2] : 0) | ((q & 8) -> R[3] : 0);
            if :: q & 1 -> R[0] = R[0] | U :: else fi; if :: q & 2 -> R[1] = R[1] | U :: else fi;
            if :: q & 4 -> R[2] = R[2] | U :: else fi; if :: q & 8 -> R[3] = R[3] | U :: else fi;
            settled = true; CHECK
         :: else
         fi; q = 0; U = 0 }
#endif
     }
  /* P6.1: asks all k owners of a stable arc; again whenever it likes */
  :: d_step { !JOINT(ring) && pe != ring -> pe = ring; yes = 0; purged = 0 }
  od
}

init { atomic {
#if SCENE == 1    /* 0 stays a member, loses the course and gets it back */
  O1 = 7; O3 = 14; O5 = 7; M3 = 15;
#elif SCENE == 2  /* 0 is removed and taken in again */
  O1 = 7; O3 = 14; O5 = 7; M3 = 14;
#elif SCENE == 3  /* the course stays where it is, other arcs move */
  O1 = 7; O3 = 7; O5 = 7; M3 = 15;
#elif SCENE == 4  /* two different owners go, one comes back */
  O1 = 7; O3 = 13; O5 = 11; M3 = 15;
#endif
  ep[0] = 1; ep[1] = 1; ep[2] = 1; ep[3] = 1;
  if :: R[0] = RR; R[1] = RR :: R[0] = RR; R[2] = RR :: R[1] = RR; R[2] = RR :: R[0] = RR; R[1] = RR; R[2] = RR fi;
  run Node(0); run Node(1); run Node(2); run Node(3); run Api(); run Leader() } }
