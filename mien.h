// Everything a user of mien needs.
#pragma once
