#include "lib/wire/fence.h"

int fence_may_promise(const struct ballot *promised, const struct ballot *b)
{
    return ballot_cmp(b, promised) > 0;
}

int fence_may_install(const struct ballot *promised, const struct ringdoc *mine, const struct ballot *b, const struct ringdoc *doc)
{
    if (ballot_cmp(b, promised) < 0)
        return 0;
    if (!mine || doc->ring->epoch > mine->ring->epoch)
        return 1;
    return doc->ring->epoch == mine->ring->epoch && ballot_cmp(b, &mine->ballot) >= 0;
}

int fence_may_command(const struct ballot *promised, uint64_t mine_epoch, const struct ballot *b, uint64_t epoch)
{
    return ballot_cmp(b, promised) >= 0 && epoch >= mine_epoch;
}
