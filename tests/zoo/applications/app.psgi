# What starman serves: see zoo_app.py.
use strict;
use warnings;
use Time::HiRes qw(clock_gettime CLOCK_PROCESS_CPUTIME_ID sleep);

open(my $random, '<:raw', '/dev/urandom') or die;
my @heap = map { read($random, my $block, 1 << 18); $block } 1 .. ($ENV{HEAP_MIB} // 0) * 4;
close($random);

sub {
    my %given = (ms => 0, touch => 0, hold => 0, map { split /=/, $_, 2 } split /&/, $_[0]{QUERY_STRING});
    my $stop = clock_gettime(CLOCK_PROCESS_CPUTIME_ID) + $given{ms} / 1000;
    my $sum = 0;
    for my $i (0 .. int(@heap * $given{touch} / 100) - 1) {
        for (my $at = 0; $at < 1 << 18; $at += 4096) { $sum += vec($heap[$i], $at, 8) }
    }
    1 while clock_gettime(CLOCK_PROCESS_CPUTIME_ID) < $stop;
    sleep($given{hold} / 1000) if $given{hold};
    [200, ['Content-Type' => 'text/plain', 'Content-Length' => length($$)], ["$$"]];
};
